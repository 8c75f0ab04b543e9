// Calls this addon's XLA custom calls as XLA does, without XLA: call frames of any buffers and attributes, and a pool of threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../../ffi.h"
#include "xla/ffi/api/c_api.h"

namespace ffi_call {

// Two threads, as of XLA's pool.
class Pool {
 public:
  Pool() {
    for (int n = 0; n < kThreads; n++) threads_.emplace_back([this] { work(); });
  }
  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void schedule(std::function<void()> task) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }
  static constexpr int kThreads = 2;

 private:
  void work() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

inline Pool& pool() {
  static Pool one;
  return one;
}

// An error is its message on the heap.
inline const XLA_FFI_Api& api() {
  static XLA_FFI_Api api = [] {
    XLA_FFI_Api api{};
    api.struct_size = XLA_FFI_Api_STRUCT_SIZE;
    api.api_version.struct_size = XLA_FFI_Api_Version_STRUCT_SIZE;
    api.api_version.major_version = XLA_FFI_API_MAJOR;
    api.api_version.minor_version = XLA_FFI_API_MINOR;
    api.XLA_FFI_Error_Create = [](XLA_FFI_Error_Create_Args* args) {
      return reinterpret_cast<XLA_FFI_Error*>(new std::string(args->message));
    };
    api.XLA_FFI_ThreadPool_Schedule = [](XLA_FFI_ThreadPool_Schedule_Args* args) -> XLA_FFI_Error* {
      pool().schedule([task = args->task, data = args->data] { task(data); });
      return nullptr;
    };
    api.XLA_FFI_ThreadPool_NumThreads = [](XLA_FFI_ThreadPool_NumThreads_Args* args) -> XLA_FFI_Error* {
      *args->num_threads = Pool::kThreads;
      return nullptr;
    };
    return api;
  }();
  return api;
}

// The handlers by their targets' names, as the addon registers them with a plugin.
inline std::map<std::string, XLA_FFI_Handler*>& handlers() {
  static std::map<std::string, XLA_FFI_Handler*> all = [] {
    static std::map<std::string, XLA_FFI_Handler*> registered;
    // The arguments' and the extension's layout: see ffi.cc.
    struct Args {
      size_t struct_size;
      const char* target_name;
      size_t target_name_size;
      void* handler;
    };
    static struct {
      PJRT_Extension_Base base;
      void* type_id_register;
      void* user_data_add;
      PJRT_Error* (*register_handler)(Args*);
    } extension{};
    extension.base.struct_size = sizeof extension;
    extension.base.type = PJRT_Extension_Type_FFI;
    extension.register_handler = [](Args* args) -> PJRT_Error* {
      registered[std::string(args->target_name, args->target_name_size)] = reinterpret_cast<XLA_FFI_Handler*>(args->handler);
      return nullptr;
    };
    PJRT_Api plugin{};
    plugin.struct_size = PJRT_Api_STRUCT_SIZE;
    plugin.extension_start = &extension.base;
    const XLA_FFI_Api* functions = nullptr;
    const std::string problem = register_ffi_handlers(&plugin, &functions);
    if (!problem.empty()) throw std::runtime_error(problem);
    return registered;
  }();
  return all;
}

inline size_t bytes_of(XLA_FFI_DataType type) {
  switch (type) {
    case XLA_FFI_DataType_F64:
    case XLA_FFI_DataType_S64:
      return 8;
    case XLA_FFI_DataType_F32:
    case XLA_FFI_DataType_S32:
      return 4;
    case XLA_FFI_DataType_F16:
    case XLA_FFI_DataType_BF16:
      return 2;
    default:
      return 1;
  }
}

// A tensor in memory of its own, of just its size, so that a sanitizer sees what is read or written past it.
struct Buffer {
  XLA_FFI_DataType type;
  std::vector<int64_t> dims;
  std::unique_ptr<uint8_t, decltype(&std::free)> memory{nullptr, std::free};

  Buffer(XLA_FFI_DataType type, std::vector<int64_t> dims) : type(type), dims(std::move(dims)) {}

  size_t bytes() const {
    size_t bytes = bytes_of(type);
    for (const int64_t n : dims) bytes *= static_cast<size_t>(n);
    return bytes;
  }
  // XLA aligns to 16 bytes at least.
  void allocate() {
    void* at = nullptr;
    if (posix_memalign(&at, 64, bytes() ? bytes() : 1) != 0) throw std::bad_alloc();
    std::memset(at, 0, bytes());
    memory.reset(static_cast<uint8_t*>(at));
  }
  XLA_FFI_Buffer view() { return {XLA_FFI_Buffer_STRUCT_SIZE, nullptr, type, memory.get(), static_cast<int64_t>(dims.size()), dims.data()}; }
};

struct Call {
  std::string target;
  std::vector<Buffer> arguments, results;
  double scale = 1, soft_cap = 0;
  int64_t threads = 0;
  std::vector<int64_t> planes, head_planes;
  int left_out = -1;  // the number of an attribute, in the order of their names
  std::function<void(Buffer*, size_t number)> fill;  // of arguments, which are zeros otherwise

  // Returns what the error says, "" where there is none.
  std::string run() {
    std::vector<XLA_FFI_Buffer> views;
    for (std::vector<Buffer>* list : {&arguments, &results})
      for (Buffer& buffer : *list) {
        buffer.allocate();
        if (fill && list == &arguments) fill(&buffer, views.size());
        views.push_back(buffer.view());
      }
    std::vector<void*> pointers;
    for (XLA_FFI_Buffer& view : views) pointers.push_back(&view);
    std::vector<XLA_FFI_ArgType> argument_types(arguments.size(), XLA_FFI_ArgType_BUFFER);
    std::vector<XLA_FFI_RetType> result_types(results.size(), XLA_FFI_RetType_BUFFER);

    XLA_FFI_Array planes_array{XLA_FFI_DataType_S64, planes.size(), planes.data()};
    XLA_FFI_Array heads_array{XLA_FFI_DataType_S64, head_planes.size(), head_planes.data()};
    XLA_FFI_Scalar scale_value{XLA_FFI_DataType_F64, &scale}, cap_value{XLA_FFI_DataType_F64, &soft_cap};
    XLA_FFI_Scalar threads_value{XLA_FFI_DataType_S64, &threads};
    const std::vector<std::pair<const char*, void*>> all = {
        {"head_planes", &heads_array}, {"planes", &planes_array}, {"scale", &scale_value}, {"soft_cap", &cap_value}, {"threads", &threads_value}};
    std::vector<XLA_FFI_ByteSpan> names;
    std::vector<XLA_FFI_ByteSpan*> name_pointers;
    std::vector<void*> values;
    std::vector<XLA_FFI_AttrType> kinds;
    for (size_t n = 0; n < all.size(); n++) {
      if (static_cast<int>(n) == left_out) continue;
      names.push_back({all[n].first, std::strlen(all[n].first)});
      values.push_back(all[n].second);
      kinds.push_back(n < 2 ? XLA_FFI_AttrType_ARRAY : XLA_FFI_AttrType_SCALAR);
    }
    for (XLA_FFI_ByteSpan& name : names) name_pointers.push_back(&name);

    XLA_FFI_CallFrame frame{};
    frame.struct_size = XLA_FFI_CallFrame_STRUCT_SIZE;
    frame.api = &api();
    frame.stage = XLA_FFI_ExecutionStage_EXECUTE;
    frame.args = {XLA_FFI_Args_STRUCT_SIZE, nullptr, static_cast<int64_t>(arguments.size()), argument_types.data(), pointers.data()};
    frame.rets = {XLA_FFI_Rets_STRUCT_SIZE, nullptr, static_cast<int64_t>(results.size()), result_types.data(), pointers.data() + arguments.size()};
    frame.attrs = {XLA_FFI_Attrs_STRUCT_SIZE, nullptr, static_cast<int64_t>(values.size()), kinds.data(), name_pointers.data(), values.data()};
    const std::unique_ptr<std::string> error(reinterpret_cast<std::string*>(handlers().at(target)(&frame)));
    return error ? *error : "";
  }
};

}  // namespace ffi_call
