// Tensors that are sent to a device in pieces.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_transfer(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
