#include "share.h"

#include <map>
#include <mutex>

#include "host.h"
#include "napi.h"
#include "run.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// Memories that arrays of JavaScript are. They live as long as an ArrayBuffer or a plugin uses them: an ArrayBuffer's own goes with its
// environment, and a plugin may read for longer.
class Arrays {
 public:
  static std::shared_ptr<void> allocate(size_t bytes, std::shared_ptr<Counted> counted) {
    const std::shared_ptr<void> memory = host_memory(bytes, Contents::kZeros);
    std::lock_guard<std::mutex> lock(mutex());
    all().emplace(memory.get(), Entry{memory, bytes});
    return std::shared_ptr<void>(memory.get(), [memory, counted](void* at) {
      std::lock_guard<std::mutex> lock(mutex());
      all().erase(at);
    });
  }

  // The one that [at, at + bytes) lies in, or null.
  static std::shared_ptr<void> holding(const void* at, size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex());
    auto after = all().upper_bound(at);
    if (after == all().begin()) return nullptr;
    const auto& [begin, entry] = *--after;
    const auto offset = static_cast<size_t>(static_cast<const char*>(at) - static_cast<const char*>(begin));
    return offset + bytes <= entry.bytes ? entry.memory.lock() : nullptr;
  }

 private:
  struct Entry {
    std::weak_ptr<void> memory;
    size_t bytes;
  };
  // Never destroyed: a plugin's thread may let go of memory when the process exits.
  static std::map<const void*, Entry>& all() {
    static auto* one = new std::map<const void*, Entry>;
    return *one;
  }
  static std::mutex& mutex() {
    static auto* one = new std::mutex;
    return *one;
  }
};

// hostMemory(bytes, for the caller of this library?): an ArrayBuffer of zeros.
Napi::Value host_memory(Info info) {
  const auto bytes = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value());
  std::shared_ptr<Counted> counted;
  if (info[1].ToBoolean()) counted = std::make_shared<Counted>(Environment::of(info.Env())->counts, Kind::kHostArray, bytes);
  auto owner = std::make_unique<std::shared_ptr<void>>(Arrays::allocate(bytes, std::move(counted)));
  void* memory = owner->get();
  return array_buffer(info.Env(), memory, bytes, std::move(owner));
}

// alias(client, device index, memory index or -1 for the device's own, type, dimensions, bytes): a buffer that is the bytes themselves where
// the plugin reads them in place. They are of a hostMemory.
Napi::Value alias(Info info) {
  const auto bytes = info[5].As<Napi::Uint8Array>();
  const std::shared_ptr<void> memory = Arrays::holding(bytes.Data(), bytes.ByteLength());
  if (!memory) throw Error(PJRT_Error_Code_INVALID_ARGUMENT, "what a buffer is to be in place is memory of hostArray");
  Uploaded uploaded = destination_of(info).upload(bytes.Data(), PJRT_HostBufferSemantics_kImmutableZeroCopy);
  hold_until(std::move(uploaded.host_done), memory);
  return wrap(info.Env(), std::move(uploaded.buffer), box_of(info[0]));
}

// A buffer that cannot be deleted or reused while it is looked at.
struct Referenced {
  std::shared_ptr<Buffer> buffer;
  Counted counted;
  Referenced(std::shared_ptr<Buffer> of, const std::shared_ptr<Counts>& counts, int64_t bytes)
      : buffer(std::move(of)), counted(counts, Kind::kView, bytes) {
    PJRT_Buffer_IncreaseExternalReferenceCount_Args args{};
    args.buffer = buffer->buffer.get();
    call(buffer->client->plugin, PJRT_FUNCTION(Buffer_IncreaseExternalReferenceCount), args);
  }
  Referenced(const Referenced&) = delete;
  Referenced& operator=(const Referenced&) = delete;
  ~Referenced() {
    PJRT_Buffer_DecreaseExternalReferenceCount_Args args{};
    args.buffer = buffer->buffer.get();
    try {
      call(buffer->client->plugin, PJRT_FUNCTION(Buffer_DecreaseExternalReferenceCount), args);
    } catch (const Error&) {
      // There is nobody to tell.
    }
  }
};

// view(buffer, byte length): an ArrayBuffer that is the buffer's memory; it holds its value already, row-major.
Napi::Value view(Info info) {
  const int64_t bytes = info[1].As<Napi::Number>().Int64Value();
  auto referenced = std::make_unique<Referenced>(unwrap<Buffer>(info[0]), Environment::of(info.Env())->counts, bytes);
  const Plugin& plugin = referenced->buffer->client->plugin;
  PJRT_Buffer_OpaqueDeviceMemoryDataPointer_Args args{};
  args.buffer = referenced->buffer->buffer.get();
  call(plugin, PJRT_FUNCTION(Buffer_OpaqueDeviceMemoryDataPointer), args);
  return array_buffer(info.Env(), args.device_memory_ptr, static_cast<size_t>(bytes), std::move(referenced));
}

}  // namespace

std::shared_ptr<void> array_holding(const void* at, size_t bytes) { return Arrays::holding(at, bytes); }

void hold_until(Owned<PJRT_Event> done, std::shared_ptr<void> memory) {
  const Plugin& plugin = done.plugin();
  // What a transfer failed of is the buffer's to tell.
  struct Hold {
    const Plugin& plugin;
    std::shared_ptr<void> memory;
  };
  PJRT_Event_OnReady_Args args{};
  args.event = done.get();
  args.user_arg = new Hold{plugin, std::move(memory)};
  args.callback = [](PJRT_Error* error, void* argument) {
    const std::unique_ptr<Hold> hold(static_cast<Hold*>(argument));
    if (error) error_of(hold->plugin, error);
  };
  call(plugin, PJRT_FUNCTION(Event_OnReady), args);
}

void export_share(Napi::Env env, Napi::Object exports) {
  exports.Set("hostMemory", Napi::Function::New<guarded<host_memory>>(env));
  exports.Set("alias", Napi::Function::New<guarded<alias>>(env));
  exports.Set("view", Napi::Function::New<guarded<view>>(env));
}

}  // namespace node_pjrt
