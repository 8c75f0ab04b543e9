#include "isolate.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

#include "napi.h"
#include "run.h"
#include "share.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

int descriptor_of(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }

// What a system call returned. Throws where it failed.
template <typename T>
T checked(T result, const char* call) {
  if (result >= 0) return result;
  const int code = errno == ENOMEM || errno == EMFILE || errno == ENFILE ? PJRT_Error_Code_RESOURCE_EXHAUSTED : PJRT_Error_Code_INTERNAL;
  throw Error(code, std::string(call) + ": " + std::strerror(errno));
}

// ---- processes

// socketPair(): both ends of a stream, not inherited but by name.
Napi::Value socket_pair(Info info) {
  int ends[2];
  checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), "socketpair");
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  for (uint32_t i = 0; i < 2; i++) result.Set(i, ends[i]);
  return result;
}

// waitFor(socket, for writing too?, milliseconds): whether there is something to read, the end included, or room to write, within the time.
Napi::Value wait_for(Info info) {
  pollfd one{descriptor_of(info[0]), static_cast<short>(POLLIN | (info[1].As<Napi::Boolean>() ? POLLOUT : 0)), 0};
  const int ready = poll(&one, 1, info[2].As<Napi::Number>().Int32Value());
  return Napi::Boolean::New(info.Env(), (errno == EINTR && ready < 0) || checked(ready, "poll") > 0);
}

// exitOf(process, milliseconds): [code, signal or 0] of a child that ends within the time, else undefined. Node collects the child later.
Napi::Value exit_of(Info info) {
  const auto process = static_cast<id_t>(info[0].As<Napi::Number>().Uint32Value());
  for (int left = info[1].As<Napi::Number>().Int32Value();; left--) {
    siginfo_t state{};
    if (waitid(P_PID, process, &state, WEXITED | WNOHANG | WNOWAIT) != 0) return info.Env().Undefined();
    if (state.si_pid != 0) {
      Napi::Array result = Napi::Array::New(info.Env(), 2);
      const bool exited = state.si_code == CLD_EXITED;
      result.Set(0u, exited ? state.si_status : 0);
      result.Set(1u, exited ? 0 : state.si_status);
      return result;
    }
    if (left <= 0) return info.Env().Undefined();
    usleep(1000);
  }
}

// The processes that a thread has started, with what is done about them when it ends.
std::map<pid_t, Napi::Env::CleanupHook<std::function<void()>>>& own_processes() {
  static thread_local std::map<pid_t, Napi::Env::CleanupHook<std::function<void()>>> one;
  return one;
}

// A thread's end closes its end of the channel; but nobody else collects its processes, and what hangs does not look.
void end_process(pid_t process) {
  kill(process, SIGKILL);
  for (int left = 1000; left > 0 && waitpid(process, nullptr, WNOHANG) == 0; left--) usleep(1000);
}

// own(process): it ends with this thread.
Napi::Value own(Info info) {
  const pid_t process = info[0].As<Napi::Number>().Int32Value();
  own_processes().emplace(process, info.Env().AddCleanupHook(std::function<void()>([process] { end_process(process); })));
  return info.Env().Undefined();
}

// disown(process): it has been collected, and its number may be another one's.
Napi::Value disown(Info info) {
  const auto found = own_processes().find(info[0].As<Napi::Number>().Int32Value());
  if (found != own_processes().end()) {
    found->second.Remove(info.Env());
    own_processes().erase(found);
  }
  return info.Env().Undefined();
}

// close(descriptor). Node's own closes those that it has opened.
Napi::Value close_descriptor(Info info) {
  close(descriptor_of(info[0]));
  return info.Env().Undefined();
}

// endWithParent(): this process is killed when the thread that started it ends, however that does.
Napi::Value end_with_parent(Info info) {
  checked(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
  return info.Env().Undefined();
}

// sendDescriptor(socket, descriptor): false where the socket is full. What was sent is closed here.
Napi::Value send_descriptor(Info info) {
  const int sent = descriptor_of(info[1]);
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &sent, sizeof(int));
  const ssize_t result = sendmsg(descriptor_of(info[0]), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  // ETOOMANYREFS: more are on their way than this process may open.
  if (result < 0 && (errno == EAGAIN || errno == ETOOMANYREFS)) return Napi::Boolean::New(info.Env(), false);
  // Where nobody is there any more, the other socket tells.
  if (result >= 0 || (errno != EPIPE && errno != ECONNRESET)) checked(result, "sendmsg");
  close(sent);
  return Napi::Boolean::New(info.Env(), true);
}

// receiveDescriptor(socket): the one that was sent before the message that tells of it.
Napi::Value receive_descriptor(Info info) {
  char byte;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  checked(recvmsg(descriptor_of(info[0]), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT), "recvmsg");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_type != SCM_RIGHTS)
    throw Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, "no memory came with a message: this process may open no more files");
  int received;
  std::memcpy(&received, CMSG_DATA(header), sizeof(int));
  return Napi::Number::New(info.Env(), received);
}

// ---- memory of both

size_t size_of(int file) {
  struct stat facts;
  checked(fstat(file, &facts), "fstat");
  return static_cast<size_t>(facts.st_size);
}

// shareBytes(bytes): a descriptor of memory with these bytes. Written and not mapped: that takes fewer page faults.
Napi::Value share_bytes(Info info) {
  const auto bytes = info[0].As<Napi::Uint8Array>();
  Descriptor file(new_memory(0));
  for (size_t done = 0; done < bytes.ByteLength();)
    done += static_cast<size_t>(checked(write(file.get(), bytes.Data() + done, std::min(bytes.ByteLength() - done, size_t{1} << 30)), "write"));
  return Napi::Number::New(info.Env(), file.release());
}

// mapMemory(descriptor): all of it, as an ArrayBuffer. The descriptor is closed.
Napi::Value map_memory(Info info) {
  const Descriptor file(descriptor_of(info[0]));
  auto owner = std::make_unique<std::shared_ptr<void>>(mapped(file.get()));
  void* memory = owner->get();
  return array_buffer(info.Env(), memory, size_of(file.get()), std::move(owner));
}

// uploadMemory(client, device index, memory index or -1, type, dimensions, descriptor): a buffer that is the memory where the plugin reads it
// in place, a copy of it elsewhere. The descriptor is closed.
Napi::Value upload_memory(Info info) {
  const Descriptor file(descriptor_of(info[5]));
  const auto memory = mapped(file.get());
  Uploaded uploaded = destination_of(info).upload(memory.get(), PJRT_HostBufferSemantics_kImmutableZeroCopy);
  hold_until(std::move(uploaded.host_done), memory);
  return wrap(info.Env(), std::move(uploaded.buffer), box_of(info[0]), static_cast<int64_t>(size_of(file.get())));
}

// readMemory(buffer, byte length): a descriptor of memory with the elements, row-major.
Napi::Value read_memory(Info info) {
  const auto buffer = unwrap<Buffer>(info[0]);
  const auto size = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  auto file = std::make_shared<Descriptor>(new_memory(size));
  const auto memory = mapped(file->get());
  return when_ready(info.Env(), read_into(*buffer, memory.get(), size), [buffer, memory, file](Napi::Env env) -> Napi::Value {
    return Napi::Number::New(env, file->release());
  });
}

}  // namespace

int new_memory(size_t bytes) {
  Descriptor file(checked(memfd_create("node-pjrt", MFD_CLOEXEC), "memfd_create"));
  if (bytes) checked(ftruncate(file.get(), static_cast<off_t>(bytes)), "ftruncate");
  return file.release();
}

std::shared_ptr<void> mapped(int file) {
  const size_t bytes = size_of(file);
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) throw Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, "mmap of " + std::to_string(bytes) + " bytes: " + std::strerror(errno));
  return std::shared_ptr<void>(at, [bytes](void* at) { munmap(at, bytes); });
}

int duplicate(int file) { return checked(fcntl(file, F_DUPFD_CLOEXEC, 0), "fcntl"); }

void export_isolate(Napi::Env env, Napi::Object exports) {
  exports.Set("socketPair", Napi::Function::New<guarded<socket_pair>>(env));
  exports.Set("waitFor", Napi::Function::New<guarded<wait_for>>(env));
  exports.Set("exitOf", Napi::Function::New<guarded<exit_of>>(env));
  exports.Set("own", Napi::Function::New<guarded<own>>(env));
  exports.Set("disown", Napi::Function::New<guarded<disown>>(env));
  exports.Set("close", Napi::Function::New<guarded<close_descriptor>>(env));
  exports.Set("endWithParent", Napi::Function::New<guarded<end_with_parent>>(env));
  exports.Set("sendDescriptor", Napi::Function::New<guarded<send_descriptor>>(env));
  exports.Set("receiveDescriptor", Napi::Function::New<guarded<receive_descriptor>>(env));
  exports.Set("shareBytes", Napi::Function::New<guarded<share_bytes>>(env));
  exports.Set("mapMemory", Napi::Function::New<guarded<map_memory>>(env));
  exports.Set("uploadMemory", Napi::Function::New<guarded<upload_memory>>(env));
  exports.Set("readMemory", Napi::Function::New<guarded<read_memory>>(env));
}

}  // namespace node_pjrt
