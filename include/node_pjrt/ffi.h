/*
 * Handlers of custom calls for node-pjrt, in C or C++: the structs of XLA's foreign function interface (FFI) 0.2, as far as a handler needs
 * them. It needs no other header and no library; ffi.hpp has classes over it for C++17. A handler is a function
 *
 *   NODE_PJRT_EXPORT NodePjrtError* acme_scale(NodePjrtCall* call);
 *
 * of a shared library, which `plugin.register('acme.scale', { library, execute: 'acme_scale' })` makes the custom call @acme.scale of
 * api_version 4. A handler that is made with XLA's own headers of that version (xla/ffi/api/ffi.h) is one too: the layouts are the same.
 * docs/ffi.md has the whole way.
 */
#ifndef NODE_PJRT_FFI_H_
#define NODE_PJRT_FFI_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define NODE_PJRT_VISIBLE __attribute__((visibility("default")))
#else
#define NODE_PJRT_VISIBLE
#endif

#ifdef __cplusplus
#define NODE_PJRT_EXPORT extern "C" NODE_PJRT_VISIBLE
extern "C" {
#else
#define NODE_PJRT_EXPORT NODE_PJRT_VISIBLE
#endif

enum { NODE_PJRT_FFI_MAJOR = 0, NODE_PJRT_FFI_MINOR = 2 };

/* Made by the plugin, through NodePjrtApi; a handler that returns one gives it away. Null is success. */
typedef struct NodePjrtError NodePjrtError;

/* The codes of PjrtError, by number. */
typedef enum NodePjrtCode {
  NODE_PJRT_CANCELLED = 1,
  NODE_PJRT_UNKNOWN = 2,
  NODE_PJRT_INVALID_ARGUMENT = 3,
  NODE_PJRT_NOT_FOUND = 5,
  NODE_PJRT_RESOURCE_EXHAUSTED = 8,
  NODE_PJRT_FAILED_PRECONDITION = 9,
  NODE_PJRT_OUT_OF_RANGE = 11,
  NODE_PJRT_UNIMPLEMENTED = 12,
  NODE_PJRT_INTERNAL = 13
} NodePjrtCode;

/* The element types that C and C++ have, and the 16-bit floats; XLA has more, of further numbers. */
typedef enum NodePjrtType {
  NODE_PJRT_BOOL = 1,
  NODE_PJRT_I8 = 2,
  NODE_PJRT_I16 = 3,
  NODE_PJRT_I32 = 4,
  NODE_PJRT_I64 = 5,
  NODE_PJRT_U8 = 6,
  NODE_PJRT_U16 = 7,
  NODE_PJRT_U32 = 8,
  NODE_PJRT_U64 = 9,
  NODE_PJRT_F16 = 10,
  NODE_PJRT_F32 = 11,
  NODE_PJRT_F64 = 12,
  NODE_PJRT_C64 = 15,
  NODE_PJRT_BF16 = 16,
  NODE_PJRT_C128 = 18
} NodePjrtType;

typedef enum NodePjrtStage {
  NODE_PJRT_INSTANTIATE = 0,
  NODE_PJRT_PREPARE = 1,
  NODE_PJRT_INITIALIZE = 2,
  NODE_PJRT_EXECUTE = 3
} NodePjrtStage;

/* What may hang on a struct: a list of questions to the handler, of which there is one so far. */
typedef struct NodePjrtExtension {
  size_t struct_size;
  int32_t type; /* 1: metadata */
  struct NodePjrtExtension* next;
} NodePjrtExtension;

typedef struct NodePjrtVersion {
  size_t struct_size;
  NodePjrtExtension* extensions;
  int32_t major;
  int32_t minor;
} NodePjrtVersion;

/* What a handler says of itself when it is registered. */
typedef struct NodePjrtMetadata {
  size_t struct_size;
  NodePjrtVersion version;
  uint32_t traits; /* 1: a GPU may record what it launches */
  int64_t state_type; /* 0: none */
} NodePjrtMetadata;

typedef struct NodePjrtMetadataExtension {
  NodePjrtExtension base;
  NodePjrtMetadata* metadata;
} NodePjrtMetadataExtension;

/* An argument, or a result to be written: dense, row-major, `data` aligned to 64 bytes on the CPU plugin. Valid during the call. */
typedef struct NodePjrtBuffer {
  size_t struct_size;
  NodePjrtExtension* extensions;
  int32_t type; /* NodePjrtType, or another of XLA's */
  void* data;
  int64_t rank;
  int64_t* dims; /* rank of them */
} NodePjrtBuffer;

/* Not ended by a zero. */
typedef struct NodePjrtText {
  const char* data;
  size_t size;
} NodePjrtText;

typedef struct NodePjrtScalar {
  int32_t type;
  void* value;
} NodePjrtScalar;

typedef struct NodePjrtArray {
  int32_t type;
  size_t size;
  void* data;
} NodePjrtArray;

/* Arguments, or results. */
typedef struct NodePjrtBuffers {
  size_t struct_size;
  NodePjrtExtension* extensions;
  int64_t size;
  int32_t* kinds;        /* 1: a buffer */
  NodePjrtBuffer** items;
} NodePjrtBuffers;

typedef enum NodePjrtKind {
  NODE_PJRT_ARRAY = 1,      /* NodePjrtArray */
  NODE_PJRT_DICTIONARY = 2, /* NodePjrtAttributes */
  NODE_PJRT_SCALAR = 3,     /* NodePjrtScalar */
  NODE_PJRT_TEXT = 4        /* NodePjrtText */
} NodePjrtKind;

/* The custom call's backend_config, in the order of the names. */
typedef struct NodePjrtAttributes {
  size_t struct_size;
  NodePjrtExtension* extensions;
  int64_t size;
  int32_t* kinds; /* NodePjrtKind */
  NodePjrtText** names;
  void** values;
} NodePjrtAttributes;

typedef struct NodePjrtErrorArgs {
  size_t struct_size;
  NodePjrtExtension* extensions;
  const char* message; /* copied */
  int32_t code;
} NodePjrtErrorArgs;

typedef struct NodePjrtDestroyArgs {
  size_t struct_size;
  NodePjrtExtension* extensions;
  NodePjrtError* error;
} NodePjrtDestroyArgs;

/* A type of states has a number, which the plugin gives for a name, and a way to destroy one. */
typedef struct NodePjrtTypeInfo {
  size_t struct_size;
  NodePjrtExtension* extensions;
  void (*destroy)(void* state);
} NodePjrtTypeInfo;

typedef struct NodePjrtTypeArgs {
  size_t struct_size;
  NodePjrtExtension* extensions;
  NodePjrtText name;
  int64_t* type; /* 0 before, the number after */
  const NodePjrtTypeInfo* info;
} NodePjrtTypeArgs;

/* Of a call's context: given away by `instantiate`, asked for by `execute`. */
typedef struct NodePjrtStateArgs {
  size_t struct_size;
  NodePjrtExtension* extensions;
  void* context;
  int64_t* type;
  void* state;
} NodePjrtStateArgs;

typedef struct NodePjrtTaskArgs {
  size_t struct_size;
  NodePjrtExtension* extensions;
  void* context;
  void (*task)(void* data);
  void* data;
} NodePjrtTaskArgs;

typedef struct NodePjrtThreadsArgs {
  size_t struct_size;
  NodePjrtExtension* extensions;
  void* context;
  int64_t* threads;
} NodePjrtThreadsArgs;

/* The plugin's functions for handlers. XLA has more after these. */
typedef struct NodePjrtApi {
  size_t struct_size;
  NodePjrtExtension* extensions;
  NodePjrtVersion version;
  void* internal;
  NodePjrtError* (*create_error)(NodePjrtErrorArgs* args);
  void* get_error_message;
  void (*destroy_error)(NodePjrtDestroyArgs* args);
  void* register_handler;
  void* get_stream;
  NodePjrtError* (*register_type)(NodePjrtTypeArgs* args);
  void* get_user_data;
  NodePjrtError* (*set_state)(NodePjrtStateArgs* args);
  NodePjrtError* (*get_state)(NodePjrtStateArgs* args);
  void* allocate;
  void* free;
  NodePjrtError* (*schedule)(NodePjrtTaskArgs* args);
  NodePjrtError* (*count_threads)(NodePjrtThreadsArgs* args);
} NodePjrtApi;

typedef struct NodePjrtCall {
  size_t struct_size;
  NodePjrtExtension* extensions;
  const NodePjrtApi* api;
  void* context;
  int32_t stage; /* NodePjrtStage */
  NodePjrtBuffers arguments;
  NodePjrtBuffers results;
  NodePjrtAttributes attributes;
  void* future;
} NodePjrtCall;

typedef NodePjrtError* NodePjrtHandler(NodePjrtCall* call);

/* Answers what a plugin asks a handler before it registers it. Where this returns 1, the handler has nothing else to do. */
static inline int node_pjrt_answered(const NodePjrtCall* call) {
  NodePjrtExtension* first = call->extensions;
  if (!first || first->type != 1) return 0;
  NodePjrtMetadata* metadata = ((NodePjrtMetadataExtension*)first)->metadata;
  metadata->version.major = NODE_PJRT_FFI_MAJOR;
  metadata->version.minor = NODE_PJRT_FFI_MINOR;
  metadata->traits = 0;
  return 1;
}

/* The error that makes a run fail with PjrtError. `message` ends with a zero. */
static inline NodePjrtError* node_pjrt_error(const NodePjrtCall* call, NodePjrtCode code, const char* message) {
  NodePjrtErrorArgs args;
  args.struct_size = offsetof(NodePjrtErrorArgs, code) + sizeof args.code;
  args.extensions = NULL;
  args.message = message;
  args.code = code;
  return call->api->create_error(&args);
}

#ifdef __cplusplus
}
#endif

#endif /* NODE_PJRT_FFI_H_ */
