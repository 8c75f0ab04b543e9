// Buffers and runs.
#pragma once

#include <napi.h>

#include <memory>

#include "compile.h"

namespace node_pjrt {

struct Buffer {
  std::shared_ptr<Client> client;
  Owned<PJRT_Buffer> buffer;
};

struct Uploaded {
  std::shared_ptr<Buffer> buffer;
  Owned<PJRT_Event> host_done;  // ready when the plugin no longer reads the host's bytes
};

// Of the arguments that `upload` and `alias` have in JavaScript.
Uploaded upload_of(const Napi::CallbackInfo& info, PJRT_HostBufferSemantics semantics);

void export_run(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
