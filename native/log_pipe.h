// What plugins log in a process of their own, to the process that started it.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_log_pipe(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
