// The memories of a client's devices, and buffers that move between them.
#pragma once

#include <napi.h>

#include "compile.h"

namespace node_pjrt {

// The memories that a device can address, in the plugin's order.
std::vector<PJRT_Memory*> memories_of(const Client& client, uint32_t device);

void export_memory(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
