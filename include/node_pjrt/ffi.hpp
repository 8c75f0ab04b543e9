// Handlers of custom calls for node-pjrt, in C++17: classes over the structs of ffi.h. Include this one alone.
//
//   void scale(const node_pjrt::ffi::Call& call) { ... }
//   NODE_PJRT_HANDLER(acme_scale, scale)
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "ffi.h"

namespace node_pjrt::ffi {

// Thrown by a handler: the run fails with this code and message.
struct Failure : std::runtime_error {
  Failure(NodePjrtCode code, const std::string& message) : std::runtime_error(message), code(code) {}
  NodePjrtCode code;
};

template <typename T>
constexpr int32_t type_of = 0;
template <> inline constexpr int32_t type_of<bool> = NODE_PJRT_BOOL;
template <> inline constexpr int32_t type_of<int8_t> = NODE_PJRT_I8;
template <> inline constexpr int32_t type_of<int16_t> = NODE_PJRT_I16;
template <> inline constexpr int32_t type_of<int32_t> = NODE_PJRT_I32;
template <> inline constexpr int32_t type_of<int64_t> = NODE_PJRT_I64;
template <> inline constexpr int32_t type_of<uint8_t> = NODE_PJRT_U8;
template <> inline constexpr int32_t type_of<uint16_t> = NODE_PJRT_U16;
template <> inline constexpr int32_t type_of<uint32_t> = NODE_PJRT_U32;
template <> inline constexpr int32_t type_of<uint64_t> = NODE_PJRT_U64;
template <> inline constexpr int32_t type_of<float> = NODE_PJRT_F32;
template <> inline constexpr int32_t type_of<double> = NODE_PJRT_F64;

template <typename T>
struct Span {
  T* data;
  size_t size;
  T* begin() const { return data; }
  T* end() const { return data + size; }
  T& operator[](size_t i) const { return data[i]; }
};

class Buffer {
 public:
  explicit Buffer(const NodePjrtBuffer& raw) : raw_(raw) {}
  // NodePjrtType, or another of XLA's.
  int32_t type() const { return raw_.type; }
  Span<const int64_t> dims() const { return {raw_.dims, static_cast<size_t>(raw_.rank)}; }
  size_t size() const {
    size_t product = 1;
    for (const int64_t n : dims()) product *= static_cast<size_t>(n);
    return product;
  }
  bool is_like(const Buffer& other) const {
    if (raw_.type != other.raw_.type || raw_.rank != other.raw_.rank) return false;
    for (int64_t i = 0; i < raw_.rank; i++)
      if (raw_.dims[i] != other.raw_.dims[i]) return false;
    return true;
  }
  void* bytes() const { return raw_.data; }
  // The elements. Throws Failure where they are of another type.
  template <typename T>
  Span<T> elements() const {
    if (raw_.type != type_of<T>)
      throw Failure(NODE_PJRT_INVALID_ARGUMENT,
                    "a buffer here has elements of XLA type " + std::to_string(type_of<T>) + "; got " + std::to_string(raw_.type));
    return {static_cast<T*>(raw_.data), size()};
  }

 private:
  const NodePjrtBuffer& raw_;
};

class Attributes {
 public:
  explicit Attributes(const NodePjrtAttributes& raw) : raw_(raw) {}
  bool has(std::string_view name) const { return find(name) >= 0; }
  // A number or bool of exactly this type. Throws Failure where it is missing or another one, as all of these do.
  template <typename T>
  T scalar(std::string_view name) const {
    const auto& scalar = get<NodePjrtScalar>(name, NODE_PJRT_SCALAR, "a scalar");
    check(name, type_of<T>, scalar.type);
    return *static_cast<T*>(scalar.value);
  }
  template <typename T>
  Span<const T> array(std::string_view name) const {
    const auto& array = get<NodePjrtArray>(name, NODE_PJRT_ARRAY, "an array");
    check(name, type_of<T>, array.type);
    return {static_cast<const T*>(array.data), array.size};
  }
  std::string_view text(std::string_view name) const {
    const auto& text = get<NodePjrtText>(name, NODE_PJRT_TEXT, "a string");
    return {text.data, text.size};
  }
  Attributes dictionary(std::string_view name) const {
    return Attributes(get<NodePjrtAttributes>(name, NODE_PJRT_DICTIONARY, "a dictionary"));
  }

 private:
  int64_t find(std::string_view name) const {
    for (int64_t i = 0; i < raw_.size; i++)
      if (std::string_view(raw_.names[i]->data, raw_.names[i]->size) == name) return i;
    return -1;
  }
  template <typename T>
  const T& get(std::string_view name, int32_t kind, const char* title) const {
    const int64_t at = find(name);
    if (at < 0 || raw_.kinds[at] != kind)
      throw Failure(NODE_PJRT_INVALID_ARGUMENT,
                    "the attribute " + std::string(name) + " is " + title + "; got " + (at < 0 ? "none" : "another kind"));
    return *static_cast<const T*>(raw_.values[at]);
  }
  static void check(std::string_view name, int32_t wanted, int32_t got) {
    if (wanted != got)
      throw Failure(NODE_PJRT_INVALID_ARGUMENT, "the attribute " + std::string(name) + " is of XLA type " + std::to_string(wanted) +
                                                    "; got " + std::to_string(got));
  }
  const NodePjrtAttributes& raw_;
};

class Call {
 public:
  explicit Call(NodePjrtCall& raw) : raw_(raw) {}
  size_t arguments() const { return static_cast<size_t>(raw_.arguments.size); }
  size_t results() const { return static_cast<size_t>(raw_.results.size); }
  // Throw Failure where there are fewer.
  Buffer argument(size_t i) const { return at("arguments", raw_.arguments, i); }
  Buffer result(size_t i) const { return at("results", raw_.results, i); }
  Attributes attributes() const { return Attributes(raw_.attributes); }
  NodePjrtCall& raw() const { return raw_; }

  // Runs task(0) to task(count - 1) on this thread and those of the plugin's that are free, and returns when all are done. Throws what one of
  // them threw first; those not begun by then are left out. Of the stage execute.
  template <typename Task>
  void parallel(int64_t count, const Task& task) const;

 private:
  static Buffer at(const char* what, const NodePjrtBuffers& buffers, size_t i) {
    if (i >= static_cast<size_t>(buffers.size))
      throw Failure(NODE_PJRT_INVALID_ARGUMENT,
                    "a call here has at least " + std::to_string(i + 1) + " " + what + "; got " + std::to_string(buffers.size));
    return Buffer(*buffers.items[i]);
  }
  NodePjrtCall& raw_;
};

// Runs a function without arguments as a handler's body: nothing that it throws leaves it.
template <typename Body>
NodePjrtError* guard(const NodePjrtCall* call, const Body& body) noexcept {
  try {
    return body();
  } catch (const Failure& failure) {
    return node_pjrt_error(call, failure.code, failure.what());
  } catch (const std::exception& error) {
    return node_pjrt_error(call, NODE_PJRT_UNKNOWN, error.what());
  } catch (...) {
    return node_pjrt_error(call, NODE_PJRT_UNKNOWN, "the handler threw what is no std::exception");
  }
}

// A function of a const Call& as a handler.
template <typename Function>
NodePjrtError* handle(NodePjrtCall* call, const Function& function) noexcept {
  if (node_pjrt_answered(call)) return nullptr;
  return guard(call, [&]() -> NodePjrtError* {
    function(Call(*call));
    return nullptr;
  });
}

}  // namespace node_pjrt::ffi

#include "ffi_parallel.hpp"
#include "ffi_state.hpp"

// Exports `function`, of a const node_pjrt::ffi::Call&, as the handler `symbol`.
#define NODE_PJRT_HANDLER(symbol, function) \
  NODE_PJRT_EXPORT NodePjrtError* symbol(NodePjrtCall* call) { return ::node_pjrt::ffi::handle(call, function); }

// Exports two handlers, for the stages instantiate and execute, of a state for each call of a program. `make`, of a const Call& that has
// attributes only, returns it as a std::unique_ptr; `run`, of a const Call& and a reference to it, may run on several threads at a time.
#define NODE_PJRT_STATEFUL_HANDLERS(make_symbol, make, run_symbol, run)                                                       \
  NODE_PJRT_EXPORT NodePjrtError* make_symbol(NodePjrtCall* call) { return ::node_pjrt::ffi::instantiate(call, make, #make_symbol); } \
  NODE_PJRT_EXPORT NodePjrtError* run_symbol(NodePjrtCall* call) { return ::node_pjrt::ffi::execute(call, make, run); }
