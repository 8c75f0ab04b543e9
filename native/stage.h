// Uploads that take a while: memory that is filled in parts, and then is a tensor.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_stage(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
