#include "capabilities.h"

#include <algorithm>
#include <stdexcept>

#include "attention.h"
#include "compile.h"
#include "extension_type.h"
#include "napi.h"

namespace node_pjrt {
namespace {

struct Named {
  const char* name;
  size_t offset;
};

#define EXTENSION(NAME)
constexpr Named kFunctions[] = {
#define FUNCTION(NAME) {#NAME, offsetof(PJRT_Api, NAME)},
#include "capabilities.inc"
#undef FUNCTION
};
#undef EXTENSION

// From the first function to the last, one after another, each under its own name: then none is left out and none is out of place.
constexpr bool is_whole() {
  size_t end = offsetof(PJRT_Api, pjrt_api_version) + sizeof(PJRT_Api_Version);
  for (const Named& function : kFunctions) {
    if (function.offset != end) return false;
    end += sizeof(void*);
  }
  return end == PJRT_Api_STRUCT_SIZE;
}
static_assert(is_whole(), "capabilities.inc is generated from another pjrt_c_api.h");

constexpr int kLastExtension = std::max({
#define FUNCTION(NAME)
#define EXTENSION(NAME) static_cast<int>(PJRT_Extension_Type_##NAME),
#include "capabilities.inc"
#undef EXTENSION
#undef FUNCTION
});

// Null for a type that is later than the header.
const char* name_of(int type) {
  if (type < 0 || type > kLastExtension) return nullptr;
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
  switch (static_cast<PJRT_Extension_Type>(type)) {
#define FUNCTION(NAME)
#define EXTENSION(NAME)             \
  case PJRT_Extension_Type_##NAME: \
    return #NAME;
#include "capabilities.inc"
#undef EXTENSION
#undef FUNCTION
  }
#pragma GCC diagnostic pop
  return nullptr;
}

Napi::Object version_of(Napi::Env env, int major, int minor) {
  Napi::Object version = Napi::Object::New(env);
  version.Set("major", major);
  version.Set("minor", minor);
  return version;
}

Napi::Array functions_of(Napi::Env env, const PJRT_Api* api) {
  Napi::Array functions = Napi::Array::New(env, std::size(kFunctions));
  uint32_t i = 0;
  for (const auto& [name, offset] : kFunctions) {
    Napi::Object function = Napi::Object::New(env);
    function.Set("name", name);
    function.Set("present", has_function(api, offset));
    functions.Set(i++, function);
  }
  return functions;
}

// Functions that the plugin has after those of the header.
int later_functions(const PJRT_Api* api) {
  int count = 0;
  for (size_t offset = PJRT_Api_STRUCT_SIZE; offset < api->struct_size; offset += sizeof(void*)) count += has_function(api, offset);
  return count;
}

Napi::Array extensions_of(Napi::Env env, const PJRT_Api* api) {
  Napi::Array extensions = Napi::Array::New(env);
  for (const PJRT_Extension_Base* at = api->extension_start; at; at = at->next) {
    Napi::Object extension = Napi::Object::New(env);
    const int type = type_of(*at);
    extension.Set("type", type);
    if (const char* name = name_of(type)) extension.Set("name", name);
    extensions.Set(extensions.Length(), extension);
  }
  return extensions;
}

// capabilities(plugin)
Napi::Value capabilities(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const PJRT_Api* api = plugin_of(info[0]).api;
  Napi::Object result = Napi::Object::New(env);
  result.Set("api", version_of(env, api->pjrt_api_version.major_version, api->pjrt_api_version.minor_version));
  result.Set("header", version_of(env, PJRT_API_MAJOR, PJRT_API_MINOR));
  result.Set("slots", functions_of(env, api));
  result.Set("laterSlots", later_functions(api));
  result.Set("extensions", extensions_of(env, api));
  return result;
}

// extensionNames(): those of the header, by type.
Napi::Value extension_names(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
#define FUNCTION(NAME)
#define EXTENSION(NAME) names.Set(static_cast<uint32_t>(PJRT_Extension_Type_##NAME), #NAME);
#include "capabilities.inc"
#undef EXTENSION
#undef FUNCTION
  return names;
}

// attentionKernels(): names of those that the CPU plugin's custom calls have here, first the one that runs, then the others, fastest first.
Napi::Value attention_kernels(const Napi::CallbackInfo& info) try {
  std::vector<std::string> names = attention::kernel_names();
  const auto chosen = std::find(names.begin(), names.end(), attention::name_of(attention::chosen_kernel()));
  std::rotate(names.begin(), chosen, chosen + 1);
  Napi::Array list = Napi::Array::New(info.Env());
  for (const std::string& name : names) list.Set(list.Length(), name);
  return list;
} catch (const std::invalid_argument& caught) {
  throw Error(PJRT_Error_Code_INVALID_ARGUMENT, caught.what());
}

}  // namespace

void export_capabilities(Napi::Env env, Napi::Object exports) {
  exports.Set("attentionKernels", Napi::Function::New<guarded<attention_kernels>>(env));
  exports.Set("capabilities", Napi::Function::New<guarded<capabilities>>(env));
  exports.Set("extensionNames", Napi::Function::New<guarded<extension_names>>(env));
}

}  // namespace node_pjrt
