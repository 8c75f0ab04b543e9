// Buffers and runs.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_run(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
