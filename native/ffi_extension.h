// The FFI extension of PJRT, which is in no header that packages carry.
#pragma once

#include <cstddef>
#include <cstdint>

#include "extension_type.h"
#include "pjrt_c_api.h"

// Older plugins have one more field, `int api_version`, before `handler`; they refuse these arguments by their size.
struct RegisterHandlerArgs {
  size_t struct_size;
  const char* target_name;
  size_t target_name_size;
  void* handler;
  const char* platform_name;
  size_t platform_name_size;
  int traits;
};

// What handlers find in the context of a run, by its type. It is not owned.
struct AddUserDataArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  PJRT_ExecuteContext* context;
  int64_t type_id;
  void* data;
};

struct FfiExtension {
  PJRT_Extension_Base base;
  void* register_type;
  PJRT_Error* (*add_user_data)(AddUserDataArgs* args);
  PJRT_Error* (*register_handler)(RegisterHandlerArgs* args);
};

// Null where the plugin has none.
inline const FfiExtension* ffi_extension_of(const PJRT_Api* api) {
  const PJRT_Extension_Base* base = api->extension_start;
  while (base && node_pjrt::type_of(*base) != PJRT_Extension_Type_FFI) base = base->next;
  return reinterpret_cast<const FfiExtension*>(base);
}
