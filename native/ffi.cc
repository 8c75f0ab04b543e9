#include "ffi.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include "attention.h"
#include "xla/ffi/api/ffi.h"

namespace {

namespace ffi = xla::ffi;

// A thread's scratch, kept between tasks and calls: fresh pages cost as much as a short attention.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(memory_); }

  // Null when there is no memory.
  void* reserve(size_t bytes) {
    constexpr size_t alignment = attention::Forward::kScratchAlignment;
    if (bytes <= bytes_) return memory_;
    std::free(memory_);
    bytes_ = (bytes + alignment - 1) / alignment * alignment;
    memory_ = std::aligned_alloc(alignment, bytes_);
    if (!memory_) bytes_ = 0;
    return memory_;
  }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

thread_local Scratch thread_scratch;

// The tasks of one call. Shared with the helpers, which may start after the call has returned: they find no task left then.
class Crew {
 public:
  explicit Crew(attention::Forward forward) : forward_(std::move(forward)), tasks_(forward_.tasks()) {}

  // Runs tasks until none is left to take; false when there is no memory to run one in.
  bool work() {
    void* scratch = thread_scratch.reserve(forward_.scratch_bytes());
    if (!scratch) return false;
    for (int64_t task; (task = next_.fetch_add(1)) < tasks_;) {
      forward_.run(task, scratch);
      if (done_.fetch_add(1) + 1 == tasks_) {
        std::lock_guard<std::mutex> lock(mutex_);
        finished_.notify_all();
      }
    }
    return true;
  }

  // Waits for tasks that others have taken. They are running, so this ends however busy the pool is.
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait(lock, [this] { return done_.load() == tasks_; });
  }

 private:
  const attention::Forward forward_;
  const int64_t tasks_;
  std::atomic<int64_t> next_{0};
  std::atomic<int64_t> done_{0};
  std::mutex mutex_;
  std::condition_variable finished_;
};

// The calling thread works too, and alone if need be. The pool has a thread for each core.
ffi::Error run_on(ffi::ThreadPool& pool, attention::Forward forward) {
  const int64_t tasks = forward.tasks();
  if (tasks == 0) return ffi::Error::Success();
  const size_t bytes = forward.scratch_bytes();
  if (!thread_scratch.reserve(bytes))
    return ffi::Error(ffi::ErrorCode::kResourceExhausted,
                      "node_pjrt_attention: a thread needs memory to work in; found no " + std::to_string(bytes) + " bytes");
  // Waking a thread takes about as long as a million operations: below that a call is over sooner without help.
  const auto worth = static_cast<int64_t>(std::min(forward.flops() / 1e6, 1e6));
  const int64_t helpers = std::min({pool.num_threads() - 1, tasks - 1, worth});
  const auto crew = std::make_shared<Crew>(std::move(forward));
  try {
    for (int64_t i = 0; i < helpers; i++) pool.Schedule([crew] { crew->work(); });
  } catch (const std::bad_alloc&) {
    // Those that were scheduled are at work in the caller's buffers: stay, with what help there is.
  }
  crew->work();
  crew->wait();
  return ffi::Error::Success();
}

std::string text(ffi::Span<const int64_t> dims) {
  std::string joined;
  for (const int64_t n : dims) joined += (joined.empty() ? "" : ", ") + std::to_string(n);
  return "[" + joined + "]";
}

[[noreturn]] void fail(const std::string& rule, const std::string& got) { throw std::invalid_argument(rule + "; got " + got); }

std::string name(ffi::DataType type) {
  if (type == ffi::DataType::F32) return "f32";
  if (type == ffi::DataType::BF16) return "bf16";
  if (type == ffi::DataType::S32) return "i32";
  return "XLA data type " + std::to_string(static_cast<int>(type));
}

std::string text(const ffi::AnyBuffer& buffer) { return text(buffer.dimensions()) + " of " + name(buffer.element_type()); }

bool is(const ffi::AnyBuffer& buffer, ffi::DataType type, std::initializer_list<int64_t> dims) {
  const ffi::Span<const int64_t> got = buffer.dimensions();
  return buffer.element_type() == type && std::equal(got.begin(), got.end(), dims.begin(), dims.end());
}

attention::Problem problem_of(const ffi::AnyBuffer& q, const ffi::AnyBuffer& k, const ffi::AnyBuffer& v, double scale) {
  const std::string operands = "q " + text(q) + ", k " + text(k) + ", v " + text(v);
  for (const ffi::AnyBuffer& operand : {q, k, v})
    if (operand.dimensions().size() != 4) fail("q, k and v are [batch, heads, tokens, size]", operands);
  const ffi::DataType type = q.element_type();
  if (type != ffi::DataType::F32 && type != ffi::DataType::BF16) fail("q, k and v are f32 or bf16", operands);

  attention::Problem p;
  p.dtype = type == ffi::DataType::F32 ? attention::DType::kF32 : attention::DType::kBF16;
  p.batch = q.dimensions()[0];
  p.heads = q.dimensions()[1];
  p.kv_heads = k.dimensions()[1];
  p.queries = q.dimensions()[2];
  p.keys = k.dimensions()[2];
  p.head_dim = q.dimensions()[3];
  p.value_dim = v.dimensions()[3];
  p.scale = scale;
  if (!is(k, type, {p.batch, p.kv_heads, p.keys, p.head_dim}))
    fail("k is [batch, kv heads, keys, head dim], of q's batch, head dim and dtype", operands);
  if (!is(v, type, {p.batch, p.kv_heads, p.keys, p.value_dim}))
    fail("v is [batch, kv heads, keys, value dim], of k's batch, kv heads, keys and dtype", operands);
  if (p.kv_heads == 0 ? p.heads != 0 : p.heads % p.kv_heads != 0)
    fail("heads is a multiple of kv heads", std::to_string(p.heads) + " heads and " + std::to_string(p.kv_heads) + " kv heads");
  if (!std::isfinite(static_cast<float>(2 * scale))) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%g", scale);
    fail("scale is a finite number in f32", digits);
  }
  return p;
}

// `results` into `arrays`.
void take_results(const attention::Problem& p, const ffi::RemainingRets& results, ffi::DataType type, attention::Operands* arrays) {
  if (results.size() != 1 && results.size() != 2)
    fail("the results are out and, where wanted, log-sum-exp", std::to_string(results.size()) + " results");
  const std::string sizes = " for " + std::to_string(p.batch) + " x " + std::to_string(p.heads) + " heads of " + std::to_string(p.queries) +
                            " queries and a value dim of " + std::to_string(p.value_dim);
  const ffi::AnyBuffer out = **results.get<ffi::AnyBuffer>(0);
  if (!is(out, type, {p.batch, p.heads, p.queries, p.value_dim}))
    fail("out is [batch, heads, queries, value dim] of q's dtype", text(out) + sizes);
  arrays->out = out.untyped_data();
  if (results.size() == 1) return;
  const ffi::AnyBuffer log_sum_exp = **results.get<ffi::AnyBuffer>(1);
  if (!is(log_sum_exp, ffi::DataType::F32, {p.batch, p.heads, p.queries}))
    fail("log-sum-exp is [batch, heads, queries] of f32", text(log_sum_exp) + sizes);
  arrays->log_sum_exp = log_sum_exp.typed_data<float>();
}

// What the mask asks for, of the operands after v, into `arrays`.
void take_conditions(const attention::Problem& p, const attention::Mask& mask, const ffi::RemainingArgs& operands,
                     attention::Operands* arrays) {
  const size_t wanted = (mask.has_segments ? 2 : 0) + (mask.has_lengths ? 1 : 0);
  if (operands.size() != wanted)
    fail("after v come q_segments and kv_segments for a mask with segments, then key_lengths for one with lengths: here " +
             std::to_string(wanted),
         std::to_string(operands.size()));
  size_t next = 0;
  const auto take = [&](const char* rule, std::initializer_list<int64_t> dims) {
    const ffi::AnyBuffer operand = *operands.get<ffi::AnyBuffer>(next++);
    if (!is(operand, ffi::DataType::S32, dims)) fail(rule, text(operand));
    return operand.typed_data<int32_t>();
  };
  if (mask.has_segments) {
    arrays->q_segments = take("q_segments is [batch, queries] of i32", {p.batch, p.queries});
    arrays->kv_segments = take("kv_segments is [batch, keys] of i32", {p.batch, p.keys});
  }
  if (mask.has_lengths) arrays->key_lengths = take("key_lengths is [batch] of i32", {p.batch});
}

ffi::Error run_attention(ffi::ThreadPool pool, ffi::AnyBuffer q, ffi::AnyBuffer k, ffi::AnyBuffer v, ffi::RemainingArgs conditions,
                         ffi::RemainingRets results, double scale, ffi::Span<const int64_t> planes, ffi::Span<const int64_t> head_planes) {
  // XLA is compiled without exceptions: none leaves.
  try {
    const attention::Problem p = problem_of(q, k, v, scale);
    attention::Operands arrays{q.untyped_data(), k.untyped_data(), v.untyped_data(), nullptr, nullptr, nullptr, nullptr, nullptr};
    take_results(p, results, q.element_type(), &arrays);
    attention::Mask mask =
        attention::read_mask({planes.begin(), planes.size()}, {head_planes.begin(), head_planes.size()}, p.heads, p.queries, p.keys);
    take_conditions(p, mask, conditions, &arrays);
    std::string why;
    const attention::Kernel* kernel = attention::select_kernel(std::getenv("NODE_PJRT_ISA"), &why);
    if (!kernel) throw std::invalid_argument("NODE_PJRT_ISA: " + why);
    return run_on(pool, attention::Forward(*kernel, p, std::move(mask), arrays));
  } catch (const std::invalid_argument& error) {
    return ffi::Error::InvalidArgument(std::string("node_pjrt_attention: ") + error.what());
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "node_pjrt_attention: a mask and its tasks need memory; found none");
  }
}

XLA_FFI_DEFINE_HANDLER(attention_handler, run_attention,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .RemainingArgs()
                           .RemainingRets()
                           .Attr<double>("scale")
                           .Attr<ffi::Span<const int64_t>>("planes")
                           .Attr<ffi::Span<const int64_t>>("head_planes"));

// The FFI extension of PJRT, which is in no header that packages carry. Older plugins have one more field, `int api_version`, before
// `handler`; they refuse these arguments by their size.
struct RegisterHandlerArgs {
  size_t struct_size;
  const char* target_name;
  size_t target_name_size;
  void* handler;
  const char* platform_name;
  size_t platform_name_size;
  int traits;
};

struct FfiExtension {
  PJRT_Extension_Base base;
  void* type_id_register;
  void* user_data_add;
  PJRT_Error* (*register_handler)(RegisterHandlerArgs* args);
};

std::string take_message(const PJRT_Api* api, PJRT_Error* error) {
  PJRT_Error_Message_Args message = {};
  message.struct_size = PJRT_Error_Message_Args_STRUCT_SIZE;
  message.error = error;
  api->PJRT_Error_Message(&message);
  std::string copy(message.message, message.message_size);
  PJRT_Error_Destroy_Args destroy = {};
  destroy.struct_size = PJRT_Error_Destroy_Args_STRUCT_SIZE;
  destroy.error = error;
  api->PJRT_Error_Destroy(&destroy);
  return copy;
}

}  // namespace

std::string register_ffi_handlers(const PJRT_Api* api) {
  const PJRT_Extension_Base* base = api->extension_start;
  while (base && base->type != PJRT_Extension_Type_FFI) base = base->next;
  if (!base) return "";
  const auto* extension = reinterpret_cast<const FfiExtension*>(base);
  if (base->struct_size < sizeof(FfiExtension) || !extension->register_handler)
    return "a plugin's FFI extension can register a handler; got one of " + std::to_string(base->struct_size) + " bytes, which cannot";

  const std::string target = "node_pjrt_attention", platform = "Host";
  RegisterHandlerArgs args = {};
  args.struct_size = offsetof(RegisterHandlerArgs, traits) + sizeof(args.traits);
  args.target_name = target.data();
  args.target_name_size = target.size();
  args.handler = reinterpret_cast<void*>(+attention_handler);
  args.platform_name = platform.data();
  args.platform_name_size = platform.size();
  PJRT_Error* error = extension->register_handler(&args);
  return error ? "the plugin did not register " + target + ": " + take_message(api, error) : "";
}
