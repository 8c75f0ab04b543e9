// XLA's functions for handlers, as far as this addon calls them.
#pragma once

#include <string>

#include "xla/ffi/api/c_api.h"

namespace node_pjrt {

inline std::string ffi_version_text(int major, int minor) { return std::to_string(major) + "." + std::to_string(minor); }

// What this addon is built with.
inline std::string ffi_version_text() { return ffi_version_text(XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR); }

inline XLA_FFI_Error* ffi_error(const XLA_FFI_Api* api, int code, const std::string& message) {
  XLA_FFI_Error_Create_Args args = {};
  args.struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE;
  args.message = message.c_str();
  args.errc = static_cast<XLA_FFI_Error_Code>(code);
  return api->XLA_FFI_Error_Create(&args);
}

// Takes ownership of an error.
inline std::string take_message(const XLA_FFI_Api* api, XLA_FFI_Error* error) {
  XLA_FFI_Error_GetMessage_Args get = {};
  get.struct_size = XLA_FFI_Error_GetMessage_Args_STRUCT_SIZE;
  get.error = error;
  api->XLA_FFI_Error_GetMessage(&get);
  std::string message = get.message;
  XLA_FFI_Error_Destroy_Args destroy = {};
  destroy.struct_size = XLA_FFI_Error_Destroy_Args_STRUCT_SIZE;
  destroy.error = error;
  api->XLA_FFI_Error_Destroy(&destroy);
  return message;
}

}  // namespace node_pjrt
