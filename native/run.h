// Buffers and runs.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "compile.h"

namespace node_pjrt {

struct Buffer {
  std::shared_ptr<Client> client;
  Owned<PJRT_Buffer> buffer;
};

template <>
inline constexpr Kind kind_of<Buffer> = Kind::kBuffer;

struct Uploaded {
  std::shared_ptr<Buffer> buffer;
  Owned<PJRT_Event> host_done;  // ready when the plugin no longer reads the host's bytes
};

// What a tensor will be, and where.
struct Destination {
  std::shared_ptr<Client> client;
  PJRT_Device* device;
  PJRT_Memory* memory;  // or null, for the device's own
  PJRT_Buffer_Type type;
  std::vector<int64_t> dims;

  // A tensor of the bytes at `data`, row-major. Any thread.
  Uploaded upload(const void* data, PJRT_HostBufferSemantics semantics) const;
};

// Of the arguments that `upload` and its like have in JavaScript: client, device index, memory index or -1 for the device's own, type,
// dimensions.
Destination destination_of(const Napi::CallbackInfo& info);

// Row-major whatever the layout on the device. `to` is written until the event is ready.
Owned<PJRT_Event> read_into(const Buffer& buffer, void* to, size_t bytes);

void export_run(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
