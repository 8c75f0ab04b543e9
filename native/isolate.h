// A plugin in another process: what two processes talk over, and transfers from and to memory that both have.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_isolate(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
