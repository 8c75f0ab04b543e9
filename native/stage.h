// Uploads that take a while: memory that is filled in parts, and then is a tensor.
#pragma once

#include <napi.h>

#include <memory>
#include <utility>

namespace node_pjrt {

// The memory of a stage, null when it is not wanted any more, and how many bytes it is.
std::pair<std::shared_ptr<void>, size_t> staged_of(const Napi::Value& value);

void export_stage(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
