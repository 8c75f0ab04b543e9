// What topologies and compiled programs say of themselves, beyond what a run needs.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_inspect(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
