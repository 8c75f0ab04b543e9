#include "callback.h"

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

#include "ffi_api.h"
#include "pjrt_c_api.h"

namespace node_pjrt {
namespace {

struct ElementType {
  int type;  // PJRT_Buffer_Type
  size_t bytes;
};

// Of 0 bytes where an element is less than a byte, or this library has no name for it.
ElementType element_type(XLA_FFI_DataType type) {
  switch (type) {
    case XLA_FFI_DataType_PRED: return {PJRT_Buffer_Type_PRED, 1};
    case XLA_FFI_DataType_S8: return {PJRT_Buffer_Type_S8, 1};
    case XLA_FFI_DataType_S16: return {PJRT_Buffer_Type_S16, 2};
    case XLA_FFI_DataType_S32: return {PJRT_Buffer_Type_S32, 4};
    case XLA_FFI_DataType_S64: return {PJRT_Buffer_Type_S64, 8};
    case XLA_FFI_DataType_U8: return {PJRT_Buffer_Type_U8, 1};
    case XLA_FFI_DataType_U16: return {PJRT_Buffer_Type_U16, 2};
    case XLA_FFI_DataType_U32: return {PJRT_Buffer_Type_U32, 4};
    case XLA_FFI_DataType_U64: return {PJRT_Buffer_Type_U64, 8};
    case XLA_FFI_DataType_F16: return {PJRT_Buffer_Type_F16, 2};
    case XLA_FFI_DataType_F32: return {PJRT_Buffer_Type_F32, 4};
    case XLA_FFI_DataType_F64: return {PJRT_Buffer_Type_F64, 8};
    case XLA_FFI_DataType_BF16: return {PJRT_Buffer_Type_BF16, 2};
    case XLA_FFI_DataType_C64: return {PJRT_Buffer_Type_C64, 8};
    case XLA_FFI_DataType_C128: return {PJRT_Buffer_Type_C128, 16};
    case XLA_FFI_DataType_F8E5M2: return {PJRT_Buffer_Type_F8E5M2, 1};
    case XLA_FFI_DataType_F8E4M3FN: return {PJRT_Buffer_Type_F8E4M3FN, 1};
    case XLA_FFI_DataType_F8E4M3B11FNUZ: return {PJRT_Buffer_Type_F8E4M3B11FNUZ, 1};
    case XLA_FFI_DataType_F8E5M2FNUZ: return {PJRT_Buffer_Type_F8E5M2FNUZ, 1};
    case XLA_FFI_DataType_F8E4M3FNUZ: return {PJRT_Buffer_Type_F8E4M3FNUZ, 1};
    case XLA_FFI_DataType_F8E4M3: return {PJRT_Buffer_Type_F8E4M3, 1};
    case XLA_FFI_DataType_F8E3M4: return {PJRT_Buffer_Type_F8E3M4, 1};
    case XLA_FFI_DataType_F8E8M0FNU: return {PJRT_Buffer_Type_F8E8M0FNU, 1};
    default: return {PJRT_Buffer_Type_INVALID, 0};
  }
}

// An answer lets the plugin go on with the program, in the thread that gives it: not in JavaScript's, nor in one that others wait for.
void apart(const std::function<void()>& work) {
  try {
    std::thread(work).detach();
  } catch (const std::system_error&) {
    work();
  }
}

bool answer_metadata(XLA_FFI_CallFrame* frame) {
  const XLA_FFI_Extension_Base* first = frame->extension_start;
  if (!first || first->type != XLA_FFI_Extension_Metadata) return false;
  XLA_FFI_Metadata* metadata = reinterpret_cast<const XLA_FFI_Metadata_Extension*>(first)->metadata;
  metadata->api_version.major_version = XLA_FFI_API_MAJOR;
  metadata->api_version.minor_version = XLA_FFI_API_MINOR;
  metadata->traits = 0;
  return true;
}

Listener* listener_of(XLA_FFI_CallFrame* frame) {
  XLA_FFI_TypeId type = listener_type(frame->api);
  XLA_FFI_ExecutionContext_Get_Args args = {};
  args.struct_size = XLA_FFI_ExecutionContext_Get_Args_STRUCT_SIZE;
  args.ctx = frame->ctx;
  args.type_id = &type;
  if (XLA_FFI_Error* error = frame->api->XLA_FFI_ExecutionContext_Get(&args)) {
    take_message(frame->api, error);
    return nullptr;
  }
  return static_cast<Listener*>(args.data);
}

std::string name_of(const XLA_FFI_Attrs& attributes) {
  if (attributes.size == 1 && attributes.types[0] == XLA_FFI_AttrType_STRING) {
    const XLA_FFI_ByteSpan& key = *attributes.names[0];
    const auto* value = static_cast<const XLA_FFI_ByteSpan*>(attributes.attrs[0]);
    if (std::string_view(key.ptr, key.len) == "name") return std::string(value->ptr, value->len);
  }
  throw std::invalid_argument("the backend_config of node_pjrt_callback is a dictionary of a string, name; got " +
                              std::to_string(attributes.size) + " attributes");
}

// `memory` is the plugin's.
Request::Tensor tensor_of(const XLA_FFI_Buffer& buffer) {
  const ElementType element = element_type(buffer.dtype);
  if (element.bytes == 0)
    throw std::invalid_argument("a callback's tensors have elements of whole bytes; got XLA data type " + std::to_string(buffer.dtype));
  Request::Tensor tensor{element.type, std::vector<int64_t>(buffer.dims, buffer.dims + buffer.rank), element.bytes, nullptr};
  for (const int64_t n : tensor.dims) tensor.bytes *= static_cast<size_t>(n);
  tensor.memory = std::shared_ptr<void>(buffer.data, [](void*) {});
  return tensor;
}

Request::Tensor copy_of(const XLA_FFI_Buffer& buffer) {
  Request::Tensor tensor = tensor_of(buffer);
  std::shared_ptr<void> copy(std::malloc(tensor.bytes ? tensor.bytes : 1), std::free);
  if (!copy) throw std::bad_alloc();
  if (tensor.bytes) std::memcpy(copy.get(), buffer.data, tensor.bytes);
  tensor.memory = std::move(copy);
  return tensor;
}

XLA_FFI_Future* future_of(const XLA_FFI_Api* api) {
  XLA_FFI_Future_Create_Args args = {};
  args.struct_size = XLA_FFI_Future_Create_Args_STRUCT_SIZE;
  api->XLA_FFI_Future_Create(&args);
  return args.future;
}

}  // namespace

void Request::finish(const std::vector<const void*>& values) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (is_answered_) return;
  is_answered_ = true;
  for (size_t i = 0; i < results.size(); i++)
    if (results[i].bytes) std::memcpy(results[i].memory.get(), values[i], results[i].bytes);
  apart([api = api_, future = future_] {
    XLA_FFI_Future_SetAvailable_Args args = {};
    args.struct_size = XLA_FFI_Future_SetAvailable_Args_STRUCT_SIZE;
    args.future = future;
    api->XLA_FFI_Future_SetAvailable(&args);
  });
}

void Request::fail(int code, const std::string& message) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (is_answered_) return;
  is_answered_ = true;
  apart([api = api_, future = future_, code, message] {
    XLA_FFI_Future_SetError_Args args = {};
    args.struct_size = XLA_FFI_Future_SetError_Args_STRUCT_SIZE;
    args.future = future;
    args.error = ffi_error(api, code, message);
    api->XLA_FFI_Future_SetError(&args);
  });
}

XLA_FFI_TypeId listener_type(const XLA_FFI_Api* api) {
  static auto& mutex = *new std::mutex;
  static auto& types = *new std::map<const XLA_FFI_Api*, XLA_FFI_TypeId>;
  std::lock_guard<std::mutex> lock(mutex);
  const auto [at, is_new] = types.emplace(api, XLA_FFI_TypeId{0});
  if (!is_new) return at->second;
  static constexpr std::string_view name = "node_pjrt::Listener";
  XLA_FFI_TypeInfo info = {};
  info.struct_size = XLA_FFI_TypeInfo_STRUCT_SIZE;
  XLA_FFI_Type_Register_Args args = {};
  args.struct_size = XLA_FFI_Type_Register_Args_STRUCT_SIZE;
  args.name = {name.data(), name.size()};
  args.type_id = &at->second;
  args.type_info = &info;
  api->XLA_FFI_Type_Register(&args);
  return at->second;
}

XLA_FFI_Error* run_callback(XLA_FFI_CallFrame* frame) {
  if (answer_metadata(frame)) return nullptr;
  const XLA_FFI_Api* api = frame->api;
  std::shared_ptr<Request> request;
  try {
    Listener* listener = listener_of(frame);
    if (!listener) throw std::invalid_argument("a program with callbacks is run by this library");
    const std::string name = name_of(frame->attrs);
    std::vector<Request::Tensor> inputs, results;
    for (int64_t i = 0; i < frame->args.size; i++) inputs.push_back(copy_of(*static_cast<XLA_FFI_Buffer*>(frame->args.args[i])));
    for (int64_t i = 0; i < frame->rets.size; i++) results.push_back(tensor_of(*static_cast<XLA_FFI_Buffer*>(frame->rets.rets[i])));
    frame->future = future_of(api);
    request = std::make_shared<Request>(api, frame->future);
    request->name = name;
    request->inputs = std::move(inputs);
    request->results = std::move(results);
    const std::string problem = listener->ask(request);
    if (!problem.empty()) request->fail(XLA_FFI_Error_Code_FAILED_PRECONDITION, "the callback " + name + ": " + problem);
    return nullptr;
  } catch (const std::bad_alloc&) {
    return ffi_error(api, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "no memory for a callback's inputs");
  } catch (const std::exception& error) {
    return ffi_error(api, XLA_FFI_Error_Code_INVALID_ARGUMENT, error.what());
  }
}

}  // namespace node_pjrt
