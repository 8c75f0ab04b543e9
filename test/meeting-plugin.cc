// The CPU plugin as one that runs in several processes would open its clients: with the options node_id and num_nodes, each puts its name
// into the key-value store and waits for the others'. Its platform version is what it found, and the options it got. Compiled with the real
// plugin's path as WHOLE_PLUGIN.
#include <dlfcn.h>

#include <string>
#include <string_view>

#include "pjrt_c_api.h"

namespace {

const PJRT_Api* whole;
std::string found;
thread_local int code;
thread_local std::string message;

PJRT_Error* refuse(PJRT_Error_Code error, const char* text, size_t size) {
  code = error;
  message = std::string(text, size);
  return reinterpret_cast<PJRT_Error*>(1);
}
PJRT_CallbackError callback_error = refuse;

std::string failed() { return "error " + std::to_string(code) + ": " + message; }

std::string get(PJRT_Client_Create_Args* args, const std::string& key, int timeout) {
  PJRT_KeyValueGetCallback_Args get{};
  get.struct_size = PJRT_KeyValueGetCallback_Args_STRUCT_SIZE;
  get.key = key.data();
  get.key_size = key.size();
  get.timeout_in_ms = timeout;
  get.callback_error = &callback_error;
  get.user_arg = args->kv_get_user_arg;
  if (args->kv_get_callback(&get)) return failed();
  std::string value(get.value, get.value_size);
  get.value_deleter_callback(get.value);
  return value;
}

std::string try_get(PJRT_Client_Create_Args* args, const std::string& key) {
  PJRT_KeyValueTryGetCallback_Args get{};
  get.struct_size = PJRT_KeyValueTryGetCallback_Args_STRUCT_SIZE;
  get.key = key.data();
  get.key_size = key.size();
  get.callback_error = &callback_error;
  get.user_arg = args->kv_try_get_user_arg;
  if (args->kv_try_get_callback(&get)) return failed();
  std::string value(get.value, get.value_size);
  get.value_deleter_callback(get.value);
  return value;
}

std::string put(PJRT_Client_Create_Args* args, const std::string& key, const std::string& value) {
  PJRT_KeyValuePutCallback_Args put{};
  put.struct_size = PJRT_KeyValuePutCallback_Args_STRUCT_SIZE;
  put.key = key.data();
  put.key_size = key.size();
  put.value = value.data();
  put.value_size = value.size();
  put.callback_error = &callback_error;
  put.user_arg = args->kv_put_user_arg;
  return args->kv_put_callback(&put) ? failed() : "";
}

std::string text_of(const PJRT_NamedValue& value) {
  switch (value.type) {
    case PJRT_NamedValue_kString:
      return "'" + std::string(value.string_value, value.value_size) + "'";
    case PJRT_NamedValue_kInt64:
      return std::to_string(value.int64_value);
    case PJRT_NamedValue_kFloat:
      return "float " + std::to_string(value.float_value);
    case PJRT_NamedValue_kBool:
      return value.bool_value ? "true" : "false";
    case PJRT_NamedValue_kInt64List: {
      std::string list;
      for (size_t i = 0; i < value.value_size; i++) list += (i ? " " : "[") + std::to_string(value.int64_array_value[i]);
      return list + "]";
    }
  }
  return "?";
}

PJRT_Error* create(PJRT_Client_Create_Args* args) {
  int64_t id = 0, nodes = 1, timeout = 10000;
  found.clear();
  for (size_t i = 0; i < args->num_options; i++) {
    const PJRT_NamedValue& option = args->create_options[i];
    const std::string_view name(option.name, option.name_size);
    if (name == "node_id") id = option.int64_value;
    if (name == "num_nodes") nodes = option.int64_value;
    if (name == "timeout_ms") timeout = option.int64_value;
    found += std::string(name) + "=" + text_of(option) + ";";
  }
  if (args->kv_put_callback) {
    found += put(args, "node " + std::to_string(id), std::string("I am \0", 6) + std::to_string(id));
    for (int64_t i = 0; i < nodes; i++) found += get(args, "node " + std::to_string(i), static_cast<int>(timeout)) + ";";
    found += try_get(args, "node " + std::to_string(id)) + ";" + try_get(args, "nothing");
  }
  PJRT_Client_Create_Args plain = *args;
  plain.num_options = 1;  // cpu_device_count
  plain.kv_get_callback = nullptr;
  PJRT_Error* error = whole->PJRT_Client_Create(&plain);
  args->client = plain.client;
  return error;
}

PJRT_Error* version(PJRT_Client_PlatformVersion_Args* args) {
  args->platform_version = found.data();
  args->platform_version_size = found.size();
  return nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const PJRT_Api* GetPjrtApi() {
  void* library = dlopen(WHOLE_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (!library) return nullptr;
  whole = reinterpret_cast<const PJRT_Api* (*)()>(dlsym(library, "GetPjrtApi"))();
  static PJRT_Api api = *whole;
  api.PJRT_Client_Create = create;
  api.PJRT_Client_PlatformVersion = version;
  return &api;
}
