// The CPU plugin as one of an earlier version would be: its table ends after PJRT_Memory_Kind_Id, and has no pointer at
// PJRT_Executable_Fingerprint. Compiled with the real plugin's path as WHOLE_PLUGIN.
#include <dlfcn.h>

#include <cstddef>

#include "pjrt_c_api.h"

extern "C" __attribute__((visibility("default"))) const PJRT_Api* GetPjrtApi() {
  void* whole = dlopen(WHOLE_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (!whole) return nullptr;
  static PJRT_Api api = *reinterpret_cast<const PJRT_Api* (*)()>(dlsym(whole, "GetPjrtApi"))();
  api.struct_size = offsetof(PJRT_Api, PJRT_Memory_Kind_Id) + sizeof(void*);
  api.pjrt_api_version.minor_version = 50;
  api.PJRT_Executable_Fingerprint = nullptr;
  return &api;
}
