// Opening clients.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_client(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
