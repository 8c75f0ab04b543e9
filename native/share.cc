#include "share.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>

#include "napi.h"
#include "run.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// Memory for arrays, which lives as long as an ArrayBuffer or a plugin uses it: an ArrayBuffer's own goes with its environment, and a plugin
// may read for longer.
class HostMemory {
 public:
  // Of zeros, and aligned for a plugin to take it as it is. A large one is large pages, of which fewer have to be fetched when it is written
  // first.
  static std::shared_ptr<void> allocate(size_t bytes) {
    constexpr size_t kLine = 64, kLarge = size_t{4} << 20;
    const size_t size = (std::max<size_t>(bytes, 1) + kLine - 1) / kLine * kLine;
    const bool large = size >= kLarge;
    void* at = large ? mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : std::aligned_alloc(kLine, size);
    if (!at || at == MAP_FAILED)
      throw Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, "no memory for an array of " + std::to_string(bytes) + " bytes");
    if (large)
      madvise(at, size, MADV_HUGEPAGE);
    else
      std::memset(at, 0, size);
    std::shared_ptr<void> memory(at, [large, size](void* at) {
      {
        std::lock_guard<std::mutex> lock(mutex());
        all().erase(at);
      }
      if (large)
        munmap(at, size);
      else
        std::free(at);
    });
    std::lock_guard<std::mutex> lock(mutex());
    all().emplace(at, Entry{memory, bytes});
    return memory;
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

// hostMemory(bytes): an ArrayBuffer of zeros.
Napi::Value host_memory(Info info) {
  const auto bytes = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value());
  auto* owner = new std::shared_ptr<void>(HostMemory::allocate(bytes));
  return Napi::ArrayBuffer::New(info.Env(), owner->get(), bytes, [owner](Napi::Env, void*) { delete owner; });
}

// alias(client, device index, memory index or -1 for the device's own, type, dimensions, bytes): a buffer that is the bytes themselves where
// the plugin reads them in place. They are of a hostMemory.
Napi::Value alias(Info info) {
  const auto bytes = info[5].As<Napi::Uint8Array>();
  const std::shared_ptr<void> memory = HostMemory::holding(bytes.Data(), bytes.ByteLength());
  if (!memory) throw Error(PJRT_Error_Code_INVALID_ARGUMENT, "what a buffer is to be in place is memory of hostArray");
  Uploaded uploaded = upload_of(info, PJRT_HostBufferSemantics_kImmutableZeroCopy);
  const Plugin& plugin = uploaded.buffer->client->plugin;
  // Held until the plugin has let go of it, on whichever thread that is. What a transfer failed of is the buffer's to tell.
  struct Hold {
    const Plugin& plugin;
    std::shared_ptr<void> memory;
  };
  PJRT_Event_OnReady_Args done{};
  done.event = uploaded.host_done.get();
  done.user_arg = new Hold{plugin, memory};
  done.callback = [](PJRT_Error* error, void* argument) {
    const std::unique_ptr<Hold> hold(static_cast<Hold*>(argument));
    if (error) error_of(hold->plugin, error);
  };
  call(plugin, PJRT_FUNCTION(Event_OnReady), done);
  return wrap(info.Env(), std::move(uploaded.buffer), box_of(info[0]));
}

// A buffer that cannot be deleted or reused while it is looked at.
struct Referenced {
  std::shared_ptr<Buffer> buffer;
  explicit Referenced(std::shared_ptr<Buffer> of) : buffer(std::move(of)) {
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
  auto referenced = std::make_unique<Referenced>(unwrap<Buffer>(info[0]));
  const Plugin& plugin = referenced->buffer->client->plugin;
  PJRT_Buffer_OpaqueDeviceMemoryDataPointer_Args args{};
  args.buffer = referenced->buffer->buffer.get();
  call(plugin, PJRT_FUNCTION(Buffer_OpaqueDeviceMemoryDataPointer), args);
  const auto bytes = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  Referenced* owner = referenced.release();
  return Napi::ArrayBuffer::New(info.Env(), args.device_memory_ptr, bytes, [owner](Napi::Env, void*) { delete owner; });
}

}  // namespace

void export_share(Napi::Env env, Napi::Object exports) {
  exports.Set("hostMemory", Napi::Function::New<guarded<host_memory>>(env));
  exports.Set("alias", Napi::Function::New<guarded<alias>>(env));
  exports.Set("view", Napi::Function::New<guarded<view>>(env));
}

}  // namespace node_pjrt
