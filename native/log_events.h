// Plugins' log lines, for JavaScript.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_log_events(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
