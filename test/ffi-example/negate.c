/* @acme.negate(x): -x, of f32. */
#include "node_pjrt/ffi.h"

NODE_PJRT_EXPORT NodePjrtError* acme_negate(NodePjrtCall* call) {
  if (node_pjrt_answered(call)) return NULL;
  if (call->arguments.size != 1 || call->results.size != 1)
    return node_pjrt_error(call, NODE_PJRT_INVALID_ARGUMENT, "acme.negate has one argument and one result");
  const NodePjrtBuffer* x = call->arguments.items[0];
  const NodePjrtBuffer* out = call->results.items[0];
  if (x->type != NODE_PJRT_F32 || out->type != NODE_PJRT_F32)
    return node_pjrt_error(call, NODE_PJRT_INVALID_ARGUMENT, "acme.negate is of f32");
  int64_t size = 1;
  for (int64_t axis = 0; axis < x->rank; axis++) size *= x->dims[axis];
  for (int64_t i = 0; i < size; i++) ((float*)out->data)[i] = -((const float*)x->data)[i];
  return NULL;
}
