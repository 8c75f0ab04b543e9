// What this addon calls of three extensions of PJRT. No package has their headers: these declarations are of the binary interface that
// openxla/xla has in xla/pjrt/c/pjrt_c_api_layouts_extension.h (version 4), pjrt_c_api_memory_descriptions_extension.h (1),
// pjrt_c_api_profiler_extension.h (1) and xla/backends/profiler/plugin/profiler_c_api.h (1). A plugin's table may end sooner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "extension_type.h"
#include "pjrt.h"

namespace node_pjrt {

struct MemoryLayout;
struct SerializedLayout;

struct LayoutSerializeArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  MemoryLayout* layout;
  const char* bytes;  // out
  size_t bytes_size;  // out
  SerializedLayout* serialized;  // out
  void (*deleter)(SerializedLayout*);  // out
};

struct LayoutDestroyArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  MemoryLayout* layout;
};

// `Of` is PJRT_Client or PJRT_TopologyDescription.
template <typename Of>
struct DefaultLayoutArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  Of* of;
  PJRT_Buffer_Type type;
  const int64_t* dims;
  size_t num_dims;
  MemoryLayout* layout;  // out, the caller's
};

// Of outputs, or of parameters.
struct ExecutableLayoutsArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  PJRT_Executable* executable;
  size_t count;  // out
  MemoryLayout** layouts;  // out, the executable's
};

struct LayoutsExtension {
  PJRT_Extension_Base base;
  PJRT_Error* (*destroy)(LayoutDestroyArgs*);
  PJRT_Error* (*serialize)(LayoutSerializeArgs*);
  PJRT_Error* (*client_default)(DefaultLayoutArgs<PJRT_Client>*);
  void* buffer;
  PJRT_Error* (*topology_default)(DefaultLayoutArgs<PJRT_TopologyDescription>*);
  PJRT_Error* (*outputs)(ExecutableLayoutsArgs*);
  PJRT_Error* (*parameters)(ExecutableLayoutsArgs*);
};

struct MemoryDescription;

struct MemoryDescriptionsArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  PJRT_DeviceDescription* device;
  const MemoryDescription* const* descriptions;  // out
  size_t count;  // out
  size_t default_index;  // out; -1 where there is none
};

struct MemoryDescriptionKindArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  const MemoryDescription* description;
  const char* kind;  // out
  size_t kind_size;  // out
  int kind_id;  // out
};

struct MemoryDescriptionsExtension {
  PJRT_Extension_Base base;
  PJRT_Error* (*descriptions)(MemoryDescriptionsArgs*);
  PJRT_Error* (*kind)(MemoryDescriptionKindArgs*);
};

struct Profiler;
struct ProfilerError;

struct ProfilerErrorArgs {
  size_t struct_size;
  void* priv;
  ProfilerError* error;
};

struct ProfilerErrorMessageArgs {
  size_t struct_size;
  void* priv;
  const ProfilerError* error;
  const char* message;  // out, the error's
  size_t message_size;  // out
};

struct ProfilerErrorCodeArgs {
  size_t struct_size;
  void* priv;
  const ProfilerError* error;
  int code;  // out
};

struct ProfilerCreateArgs {
  size_t struct_size;
  const char* options;
  size_t options_size;
  Profiler* profiler;  // out
};

struct ProfilerArgs {
  size_t struct_size;
  Profiler* profiler;
};

struct ProfilerCollectArgs {
  size_t struct_size;
  Profiler* profiler;
  uint8_t* buffer;  // out
  size_t buffer_size;  // out
};

struct ProfilerApi {
  size_t struct_size;
  void* priv;
  void (*error_destroy)(ProfilerErrorArgs*);
  void (*error_message)(ProfilerErrorMessageArgs*);
  ProfilerError* (*error_code)(ProfilerErrorCodeArgs*);
  ProfilerError* (*create)(ProfilerCreateArgs*);
  ProfilerError* (*destroy)(ProfilerArgs*);
  ProfilerError* (*start)(ProfilerArgs*);
  ProfilerError* (*stop)(ProfilerArgs*);
  ProfilerError* (*collect)(ProfilerCollectArgs*);
};

struct ProfilerExtension {
  PJRT_Extension_Base base;
  ProfilerApi* api;
};

// The plugin's extension, null where it has none.
template <typename Extension>
const Extension* extension_of(const Plugin& plugin, PJRT_Extension_Type type) {
  for (const PJRT_Extension_Base* at = plugin.api->extension_start; at; at = at->next) {
    if (type_of(*at) == type) return reinterpret_cast<const Extension*>(at);
  }
  return nullptr;
}

// Calls a function of an extension. Throws Error: the plugin's own, or UNIMPLEMENTED where there is no such extension, or it ends before
// the function or has no pointer there.
template <typename Extension, typename Args>
void call_extension(const Plugin& plugin, PJRT_Extension_Type type, PJRT_Error* (*Extension::*slot)(Args*), const char* name, Args& args) {
  const auto* extension = extension_of<Extension>(plugin, type);
  PJRT_Error* (*function)(Args*) = nullptr;
  if (extension) {
    const auto offset = reinterpret_cast<const char*>(&(extension->*slot)) - reinterpret_cast<const char*>(extension);
    if (static_cast<size_t>(offset) + sizeof(function) <= extension->base.struct_size) function = extension->*slot;
  }
  if (!function) throw missing_function(plugin, name);
  args.struct_size = sizeof(Args);
  if (PJRT_Error* error = function(&args)) throw error_of(plugin, error);
}

}  // namespace node_pjrt
