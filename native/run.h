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

void export_run(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
