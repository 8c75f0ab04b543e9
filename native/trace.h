// A file of trace events, which all threads of the process write to.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_trace(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
