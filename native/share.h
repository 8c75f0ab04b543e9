// Memory that JavaScript and a plugin share: arrays that buffers are, and buffers that are looked at in place.
#pragma once

#include <napi.h>

#include <memory>

#include "pjrt.h"

namespace node_pjrt {

// The memory of the array of `hostMemory` that [at, at + bytes) lies in, or null. It stays while it is held, whatever becomes of the array.
std::shared_ptr<void> array_holding(const void* at, size_t bytes);

// Holds `memory` until `done` is ready, on whichever thread that is.
void hold_until(Owned<PJRT_Event> done, std::shared_ptr<void> memory);

void export_share(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
