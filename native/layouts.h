// Layouts that tensors have on devices, and the kinds of memory that a device which need not be here has: two extensions of PJRT.
#pragma once

#include <napi.h>

namespace node_pjrt {

void export_layouts(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
