// @acme.axpy(x, y) {a = 2.0 : f64}: a x + y, of f32, f64 or i32.
#include <cstdint>

#include "node_pjrt/ffi.hpp"

namespace {

using namespace node_pjrt::ffi;

// Once, when a program is compiled or loaded: what is wrong with the attributes is an error there.
void check(const Call& call) {
  const auto a = call.attributes().scalar<double>("a");
  if (a != a) throw Failure(NODE_PJRT_INVALID_ARGUMENT, "acme.axpy: a is a number; got NaN");
}

template <typename T>
void run(double a, const Buffer& x, const Buffer& y, const Buffer& out) {
  const auto from = x.elements<T>(), to = out.elements<T>(), plus = y.elements<T>();
  for (size_t i = 0; i < to.size; i++) to[i] = static_cast<T>(a * from[i] + plus[i]);
}

void axpy(const Call& call) {
  const auto a = call.attributes().scalar<double>("a");
  const Buffer x = call.argument(0), y = call.argument(1), out = call.result(0);
  if (!x.is_like(y) || !x.is_like(out)) throw Failure(NODE_PJRT_INVALID_ARGUMENT, "acme.axpy: x, y and the result have one type");
  switch (x.type()) {
    case NODE_PJRT_F32: return run<float>(a, x, y, out);
    case NODE_PJRT_F64: return run<double>(a, x, y, out);
    case NODE_PJRT_I32: return run<int32_t>(a, x, y, out);
    default: throw Failure(NODE_PJRT_UNIMPLEMENTED, "acme.axpy is of f32, f64 or i32; got XLA type " + std::to_string(x.type()));
  }
}

}  // namespace

NODE_PJRT_HANDLER(acme_axpy_check, check)
NODE_PJRT_HANDLER(acme_axpy, axpy)
