// Memory that JavaScript and a plugin share: arrays that buffers are, and buffers that are looked at in place.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_share(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
