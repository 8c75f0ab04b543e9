// What a plugin has of PJRT: its functions and extensions.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_capabilities(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
