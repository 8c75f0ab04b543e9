#include "handlers.h"

#include <dlfcn.h>

#include <map>
#include <mutex>

#include "compile.h"
#include "ffi.h"
#include "ffi_api.h"
#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

bool operator==(const XLA_FFI_Handler_Bundle& a, const XLA_FFI_Handler_Bundle& b) {
  return a.instantiate == b.instantiate && a.prepare == b.prepare && a.initialize == b.initialize && a.execute == b.execute;
}

// A library stays for ever, as what a plugin has registered does.
void* open_library(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library) return library;
  const char* reason = dlerror();
  throw Error(kNoPlugin, "a library of handlers is a shared library of this machine; " + std::string(reason ? reason : path));
}

// What a handler was built with. A later one than the plugin's registers, and then is called with structs that it takes for others.
void check_version(const Plugin& plugin, const std::string& symbol, XLA_FFI_Handler* handler) {
  XLA_FFI_Metadata metadata = {};
  metadata.struct_size = XLA_FFI_Metadata_STRUCT_SIZE;
  metadata.api_version.struct_size = XLA_FFI_Api_Version_STRUCT_SIZE;
  XLA_FFI_Metadata_Extension extension = {{XLA_FFI_Metadata_Extension_STRUCT_SIZE, XLA_FFI_Extension_Metadata, nullptr}, &metadata};
  XLA_FFI_CallFrame frame = {};
  frame.struct_size = XLA_FFI_CallFrame_STRUCT_SIZE;
  frame.extension_start = &extension.extension_base;
  frame.api = plugin.ffi;
  frame.stage = XLA_FFI_ExecutionStage_EXECUTE;
  const std::string wanted = ffi_version_text();
  const std::string rule = "a handler is built for XLA FFI " + wanted + ", the plugin's; ";
  if (XLA_FFI_Error* error = handler(&frame)) throw Error(kNoPlugin, rule + symbol + " says: " + take_message(plugin.ffi, error));
  const auto& [_, __, major, minor] = metadata.api_version;
  if (major != XLA_FFI_API_MAJOR || minor != XLA_FFI_API_MINOR)
    throw Error(kNoPlugin, rule + symbol + " is for " + ffi_version_text(major, minor));
}

// Of symbols in the order of a registration's; '' is a stage without one.
XLA_FFI_Handler_Bundle bundle_of(const Plugin& plugin, const std::string& path, const Napi::Array& symbols) {
  void* library = open_library(path);
  XLA_FFI_Handler_Bundle bundle = {};
  uint32_t next = 0;
  for (XLA_FFI_Handler** stage : {&bundle.execute, &bundle.instantiate, &bundle.prepare, &bundle.initialize}) {
    const std::string symbol = text_of(symbols.Get(next++));
    if (symbol.empty()) continue;
    *stage = reinterpret_cast<XLA_FFI_Handler*>(dlsym(library, symbol.c_str()));
    if (!*stage) throw Error(kNoPlugin, "a handler is a symbol that its library exports; " + path + " has no " + symbol);
    check_version(plugin, symbol, *stage);
  }
  return bundle;
}

void add(const Plugin& plugin, const std::string& name, const XLA_FFI_Handler_Bundle& bundle) {
  // The plugin's own table takes a second handler under a name without a word, and leaves the first one there.
  static auto& mutex = *new std::mutex;
  static auto& registered = *new std::map<std::pair<const Plugin*, std::string>, XLA_FFI_Handler_Bundle>;
  std::lock_guard<std::mutex> lock(mutex);
  const auto known = registered.find({&plugin, name});
  if (known != registered.end()) {
    if (known->second == bundle) return;
    throw Error(PJRT_Error_Code_ALREADY_EXISTS,
                "a handler's name is its own for the life of the process; " + name + " is registered with other functions");
  }
  XLA_FFI_Handler_Register_Args args = {};
  args.struct_size = XLA_FFI_Handler_Register_Args_STRUCT_SIZE;
  args.name = {name.data(), name.size()};
  args.platform = {kFfiPlatform, sizeof kFfiPlatform - 1};
  args.bundle = bundle;
  if (XLA_FFI_Error* error = plugin.ffi->XLA_FFI_Handler_Register(&args))
    throw Error(PJRT_Error_Code_INTERNAL, "the plugin did not register " + name + ": " + take_message(plugin.ffi, error));
  registered.emplace(std::pair(&plugin, name), bundle);
}

// registerHandler(plugin, name, path of the library, [execute, instantiate, prepare, initialize]): symbols.
Napi::Value register_handler(Info info) {
  const Plugin& plugin = plugin_of(info[0]);
  require_ffi(plugin);
  add(plugin, text_of(info[1]), bundle_of(plugin, text_of(info[2]), info[3].As<Napi::Array>()));
  return info.Env().Undefined();
}

}  // namespace

void export_handlers(Napi::Env env, Napi::Object exports) {
  exports.Set("registerHandler", Napi::Function::New<guarded<register_handler>>(env));
}

}  // namespace node_pjrt
