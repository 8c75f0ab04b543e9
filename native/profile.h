// A plugin's own profiler: an extension of PJRT.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_profile(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
