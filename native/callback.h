// JavaScript as a custom call, as a plugin sees it. What calls JavaScript is callback_channel.h's.
//
//   stablehlo.custom_call @node_pjrt_callback(%x, %y) {api_version = 4 : i32, backend_config = {name = "inspect"}, has_side_effect = true}
//
// takes and returns any tensors of whole bytes. The handler only asks and returns a future: a plugin may have two threads for all of its
// work, and a callback may wait for a program that needs one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "xla/ffi/api/c_api.h"

namespace node_pjrt {

// One call, from the plugin's thread that makes it to the JavaScript thread that answers. It is answered once; the plugin keeps the results'
// memory until then.
class Request {
 public:
  struct Tensor {
    int type;  // PJRT_Buffer_Type
    std::vector<int64_t> dims;
    size_t bytes;
    std::shared_ptr<void> memory;  // an input's: a copy; a result's is the plugin's
  };

  Request(const XLA_FFI_Api* api, XLA_FFI_Future* future) : api_(api), future_(future) {}

  std::string name;
  std::vector<Tensor> inputs, results;

  // Any thread, any number of times: what comes first counts. `values` are as many as the results, each of its bytes.
  void finish(const std::vector<const void*>& values);
  void fail(int code, const std::string& message);

 private:
  const XLA_FFI_Api* const api_;
  XLA_FFI_Future* const future_;
  std::mutex mutex_;
  bool is_answered_ = false;
};

// Who answers the requests of a run: the user data of its context.
class Listener {
 public:
  virtual ~Listener() = default;
  // Any thread. Returns "" or why nobody will answer.
  virtual std::string ask(std::shared_ptr<Request> request) = 0;
};

// The type of that user data in a plugin with these functions.
XLA_FFI_TypeId listener_type(const XLA_FFI_Api* api);

// The XLA FFI handler.
XLA_FFI_Error* run_callback(XLA_FFI_CallFrame* frame);

}  // namespace node_pjrt
