// Handlers of other packages: functions of their libraries, registered with a plugin by name. include/node_pjrt/ffi.h is what they are
// written with.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_handlers(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
