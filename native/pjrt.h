// PJRT without Node: loading a plugin, calling it, and owning what it makes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "pjrt_c_api.h"

struct XLA_FFI_Api;

namespace node_pjrt {

// The one error of the native half. `code` is a PJRT_Error_Code, or one of these:
constexpr int kNoPlugin = -1;  // the library is no plugin that we can speak to
constexpr int kDisposed = -2;  // a handle was used after it was released

struct Error : std::runtime_error {
  Error(int code, const std::string& message, const char* missing = "") : std::runtime_error(message), code(code), missing(missing) {}
  int code;
  const char* missing;  // the function that the plugin does not have; empty for every other error
};

// A loaded plugin lives as long as the process: its threads, its registries and the code behind every object it made do.
struct Plugin {
  std::string path;
  const PJRT_Api* api = nullptr;
  std::string ffi_problem;           // why this addon's custom calls are not available; empty where they are
  const XLA_FFI_Api* ffi = nullptr;  // what handlers of custom calls are called with, of the version that this addon has; or null
};

// Loads and initialises the plugin at `path` (a real path), once per process; every later call, from any thread, returns the same one.
// Blocks for the load: up to a second with a cold cache. A plugin that failed to initialise is tried again by the next call.
const Plugin& load_plugin(const std::string& path);

// Takes ownership of a plugin's error.
Error error_of(const Plugin& plugin, PJRT_Error* error);

// A function of PJRT_Api that takes `Args`.
template <typename Args>
struct Function {
  const char* name;
  size_t args_size;
  PJRT_Error* (*PJRT_Api::*slot)(Args*);
};
#define PJRT_FUNCTION(NAME) \
  ::node_pjrt::Function<PJRT_##NAME##_Args> { "PJRT_" #NAME, PJRT_##NAME##_Args_STRUCT_SIZE, &PJRT_Api::PJRT_##NAME }

// Whether the plugin's table reaches to `offset` and has a function there.
inline bool has_function(const PJRT_Api* api, size_t offset) {
  void* function = nullptr;
  if (offset + sizeof(function) <= api->struct_size) std::memcpy(&function, reinterpret_cast<const char*>(api) + offset, sizeof(function));
  return function != nullptr;
}

// Throws Error UNIMPLEMENTED where a plugin has no `ffi`.
void require_ffi(const Plugin& plugin);

Error missing_function(const Plugin& plugin, const char* name);

// The one way to call a plugin. Throws Error: the plugin's own, or UNIMPLEMENTED where its PJRT_Api ends before the function or has no
// pointer there.
template <typename Args>
void call(const Plugin& plugin, const Function<Args>& function, Args& args) {
  const PJRT_Api* api = plugin.api;
  const auto offset = reinterpret_cast<const char*>(&(api->*function.slot)) - reinterpret_cast<const char*>(api);
  if (!has_function(api, static_cast<size_t>(offset))) throw missing_function(plugin, function.name);
  args.struct_size = function.args_size;
  if (PJRT_Error* error = (api->*function.slot)(&args)) throw error_of(plugin, error);
}

void destroy(const Plugin& plugin, PJRT_Client* client) noexcept;
void destroy(const Plugin& plugin, PJRT_TopologyDescription* topology) noexcept;
void destroy(const Plugin& plugin, PJRT_Executable* executable) noexcept;
void destroy(const Plugin& plugin, PJRT_LoadedExecutable* executable) noexcept;
void destroy(const Plugin& plugin, PJRT_Buffer* buffer) noexcept;
void destroy(const Plugin& plugin, PJRT_Event* event) noexcept;

// Owns one object of a plugin, or none.
template <typename T>
class Owned {
 public:
  Owned(const Plugin& plugin, T* object) : plugin_(&plugin), object_(object) {}
  Owned(Owned&& other) noexcept : plugin_(other.plugin_), object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(plugin_, other.plugin_);
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() {
    if (object_) destroy(*plugin_, object_);
  }
  T* get() const { return object_; }
  const Plugin& plugin() const { return *plugin_; }

 private:
  const Plugin* plugin_;
  T* object_;
};

// Blocks until `event` is ready. Throws the error it carries.
void await(const Plugin& plugin, PJRT_Event* event);

}  // namespace node_pjrt
