#include "isolate.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

#include "napi.h"
#include "run.h"
#include "segment.h"
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
  forget(process);
}

// own(process): it ends with this thread.
Napi::Value own(Info info) {
  const pid_t process = info[0].As<Napi::Number>().Int32Value();
  own_processes().emplace(process, info.Env().AddCleanupHook(std::function<void()>([process] { end_process(process); })));
  return info.Env().Undefined();
}

// disown(process): it has been collected, and its number may be another one's.
Napi::Value disown(Info info) {
  forget(info[0].As<Napi::Number>().Int32Value());
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

// A byte with room for a descriptor beside it.
struct DescriptorMessage {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};

  DescriptorMessage() {
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
  }
  DescriptorMessage(const DescriptorMessage&) = delete;
  DescriptorMessage& operator=(const DescriptorMessage&) = delete;
};

// sendDescriptor(socket, descriptor): false where the socket is full. What was sent is closed here.
Napi::Value send_descriptor(Info info) {
  const int sent = descriptor_of(info[1]);
  DescriptorMessage with;
  cmsghdr* header = CMSG_FIRSTHDR(&with.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &sent, sizeof(int));
  const ssize_t result = sendmsg(descriptor_of(info[0]), &with.message, MSG_DONTWAIT | MSG_NOSIGNAL);
  // ETOOMANYREFS: more are on their way than this process may open.
  if (result < 0 && (errno == EAGAIN || errno == ETOOMANYREFS)) return Napi::Boolean::New(info.Env(), false);
  // Where nobody is there any more, the other socket tells.
  if (result >= 0 || (errno != EPIPE && errno != ECONNRESET)) checked(result, "sendmsg");
  close(sent);
  return Napi::Boolean::New(info.Env(), true);
}

// receiveDescriptor(socket): the one that was sent before the message that tells of it.
Napi::Value receive_descriptor(Info info) {
  DescriptorMessage with;
  checked(recvmsg(descriptor_of(info[0]), &with.message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT), "recvmsg");
  const cmsghdr* header = CMSG_FIRSTHDR(&with.message);
  if (!header || header->cmsg_type != SCM_RIGHTS)
    throw Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, "no memory came with a message: this process may open no more files");
  int received;
  std::memcpy(&received, CMSG_DATA(header), sizeof(int));
  return Napi::Number::New(info.Env(), received);
}

// ---- memory of both

// newLog(): a descriptor of an empty file in memory.
Napi::Value new_log(Info info) { return Napi::Number::New(info.Env(), checked(memfd_create("node-pjrt-log", MFD_CLOEXEC), "memfd_create")); }

// shareBytes(bytes): a descriptor of memory with these bytes.
Napi::Value share_bytes(Info info) {
  const auto bytes = info[0].As<Napi::Uint8Array>();
  return Napi::Number::New(info.Env(), share(bytes.Data(), bytes.ByteLength()));
}

// What came with a descriptor, which is closed.
Received received_of(const Napi::Value& descriptor) {
  const int file = descriptor_of(descriptor);
  const std::shared_ptr<void> closed(nullptr, [file](void*) { close(file); });
  return receive(file);
}

// mapMemory(descriptor): all of it, as an ArrayBuffer.
Napi::Value map_memory(Info info) {
  const Received received = received_of(info[0]);
  auto owner = std::make_unique<std::shared_ptr<void>>(received.memory);
  void* memory = owner->get();
  return array_buffer(info.Env(), memory, received.bytes, std::move(owner));
}

// uploadMemory(client, device index, memory index or -1, type, dimensions, descriptor): a buffer that is the memory where the plugin reads it
// in place, a copy of it elsewhere.
Napi::Value upload_memory(Info info) {
  const Received received = received_of(info[5]);
  Uploaded uploaded = destination_of(info).upload(received.memory.get(), PJRT_HostBufferSemantics_kImmutableZeroCopy);
  hold_until(std::move(uploaded.host_done), received.memory);
  return wrap(info.Env(), std::move(uploaded.buffer), box_of(info[0]), static_cast<int64_t>(received.bytes));
}

// readMemory(buffer, byte length): a descriptor of memory with the elements, row-major, for the process that started this one.
Napi::Value read_memory(Info info) {
  const auto buffer = unwrap<Buffer>(info[0]);
  const auto size = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  const auto segment = std::make_shared<Segment>(size);
  return when_ready(info.Env(), read_into(*buffer, segment->at(), size), [buffer, segment](Napi::Env env) -> Napi::Value {
    return Napi::Number::New(env, segment->lend(getppid()));
  });
}

}  // namespace

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
  exports.Set("newLog", Napi::Function::New<guarded<new_log>>(env));
  exports.Set("shareBytes", Napi::Function::New<guarded<share_bytes>>(env));
  exports.Set("mapMemory", Napi::Function::New<guarded<map_memory>>(env));
  exports.Set("uploadMemory", Napi::Function::New<guarded<upload_memory>>(env));
  exports.Set("readMemory", Napi::Function::New<guarded<read_memory>>(env));
}

}  // namespace node_pjrt
