// States of handlers: a part of ffi.hpp.
#pragma once

#include <algorithm>
#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

namespace node_pjrt::ffi {

// The number of the states that `Make` makes. A plugin gives it before it knows the handlers.
template <typename Make>
struct StateType {
  using State = typename decltype(std::declval<Make>()(std::declval<const Call&>()))::element_type;
  static inline int64_t number = 0;

  static NodePjrtError* get(const NodePjrtCall* call, const char* symbol) {
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    if (number) return nullptr;
    static const NodePjrtTypeInfo info = {sizeof info, nullptr, [](void* state) { delete static_cast<State*>(state); }};
    // Symbols are of a library, names of the process.
    char name[256];
    const int size = std::snprintf(name, sizeof name, "%p %s", static_cast<const void*>(&number), symbol);
    const size_t kept = std::min(static_cast<size_t>(size), sizeof name - 1);
    NodePjrtTypeArgs args = {sizeof args, nullptr, {name, kept}, &number, &info};
    return call->api->register_type(&args);
  }
};

// A function of a const Call& that returns a std::unique_ptr, as a handler of the stage instantiate.
template <typename Make>
NodePjrtError* instantiate(NodePjrtCall* call, const Make& make, const char* symbol) noexcept {
  return guard(call, [&]() -> NodePjrtError* {
    if (NodePjrtError* error = StateType<Make>::get(call, symbol)) return error;
    if (node_pjrt_answered(call)) {
      reinterpret_cast<NodePjrtMetadataExtension*>(call->extensions)->metadata->state_type = StateType<Make>::number;
      return nullptr;
    }
    auto state = make(Call(*call));
    if (!state) throw Failure(NODE_PJRT_INTERNAL, "a state was to be made; got none");
    NodePjrtStateArgs args = {sizeof args, nullptr, call->context, &StateType<Make>::number, state.get()};
    NodePjrtError* error = call->api->set_state(&args);
    if (!error) state.release();
    return error;
  });
}

// A function of a const Call& and the state that `Make` made, as a handler of the stage execute.
template <typename Make, typename Run>
NodePjrtError* execute(NodePjrtCall* call, const Make&, const Run& run) noexcept {
  if (node_pjrt_answered(call)) return nullptr;
  return guard(call, [&]() -> NodePjrtError* {
    NodePjrtStateArgs args = {sizeof args, nullptr, call->context, &StateType<Make>::number, nullptr};
    if (NodePjrtError* error = call->api->get_state(&args)) return error;
    run(Call(*call), *static_cast<typename StateType<Make>::State*>(args.state));
    return nullptr;
  });
}

}  // namespace node_pjrt::ffi
