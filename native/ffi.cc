#include "ffi.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include <sched.h>
#include <sys/mman.h>

#include "attention.h"
#include "callback.h"
#include "ffi_extension.h"
#include "pjrt.h"
#include "wait.h"
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
    constexpr size_t alignment = attention::Job::kScratchAlignment;
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

// Threads at work on any call's tasks. Calls at the same time share the cores: helpers leave while there are more threads than those.
std::atomic<int64_t> threads_at_work{0};

// Moves the calling thread away from a core, where it may run on others. A thread that wakes another draws it to its own core, and it can
// take the kernel milliseconds to see that the next one idles: on two cores half of the calls of 2.5 ms took 5.
void leave_core(int core) {
  cpu_set_t allowed;
  if (sched_getcpu() != core || core < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  cpu_set_t others = allowed;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
}

// The tasks of one phase of a call. Shared with the helpers, which may start after the call has returned: they find no task left then.
class Crew : public std::enable_shared_from_this<Crew> {
 public:
  Crew(std::shared_ptr<attention::Job> job, int phase, int64_t cores, int64_t helpers)
      : job_(std::move(job)), phase_(phase), tasks_(job_->tasks(phase)), cores_(cores), most_helpers_(std::min(helpers, tasks_ - 1)) {}

  // By the calling thread, which works alone if need be: runs tasks until none is left to take, and waits for those that others have taken.
  // They are running, so this ends however busy the pool is. Its scratch has been reserved.
  void work(ffi::ThreadPool& pool) {
    void* scratch = thread_scratch.reserve(job_->scratch_bytes());
    threads_at_work.fetch_add(1);
    core_ = sched_getcpu();
    for (int64_t task = 0; task < tasks_;) {
      while (helpers_.load() < most_helpers_ && threads_at_work.load() + helpers_.load() - helping_.load() < cores_)
        if (!recruit(pool)) break;
      task = next_.fetch_add(1);
      if (task < tasks_) run(task, scratch);
    }
    threads_at_work.fetch_sub(1);
    std::unique_lock<std::mutex> lock(mutex_);
    node_pjrt::wait_until(finished_, lock, [this] { return done_.load() == tasks_; });
  }

 private:
  bool recruit(ffi::ThreadPool& pool) {
    helpers_.fetch_add(1);
    try {
      pool.Schedule([crew = shared_from_this()] { crew->help(); });
      return true;
    } catch (const std::bad_alloc&) {
      // Those that were scheduled are at work in the caller's buffers: stay, with what help there is.
      helpers_.fetch_sub(1);
      return false;
    }
  }

  void help() {
    helping_.fetch_add(1);
    if (next_.load() < tasks_) leave_core(core_);
    void* scratch = thread_scratch.reserve(job_->scratch_bytes());
    bool has_room = threads_at_work.fetch_add(1) < cores_;
    while (scratch && has_room) {
      const int64_t task = next_.fetch_add(1);
      if (task >= tasks_) break;
      run(task, scratch);
      has_room = threads_at_work.load() <= cores_;
    }
    threads_at_work.fetch_sub(1);
    helping_.fetch_sub(1);
    helpers_.fetch_sub(1);
  }

  void run(int64_t task, void* scratch) {
    job_->run(phase_, task, scratch);
    if (done_.fetch_add(1) + 1 == tasks_) {
      std::lock_guard<std::mutex> lock(mutex_);
      finished_.notify_all();
    }
  }

  const std::shared_ptr<attention::Job> job_;
  const int phase_;
  const int64_t tasks_, cores_, most_helpers_;
  std::atomic<int64_t> next_{0}, done_{0};
  std::atomic<int64_t> helpers_{0}, helping_{0};  // asked for, and of them at work
  std::atomic<int> core_{-1};                     // where the calling thread began
  std::mutex mutex_;
  std::condition_variable finished_;
};

// On the pool, which has a thread for each core, and at most on `threads` threads, where that is not 0. Returns "" or the want of memory.
std::string run_on(ffi::ThreadPool& pool, int64_t threads, std::shared_ptr<attention::Job> job) {
  const size_t bytes = job->scratch_bytes();
  if (!thread_scratch.reserve(bytes))
    return "a thread needs memory to work in; found no " + std::to_string(bytes) + " bytes";
  // Waking a thread takes about as long as a million operations: below that a call is over sooner without help.
  const auto worth = static_cast<int64_t>(std::min(job->flops() / 1e6, 1e6));
  const int64_t cores = pool.num_threads();
  const int64_t helpers = std::min((threads == 0 ? cores : std::min(threads, cores)) - 1, worth);
  for (int phase = 0; phase < job->phases(); phase++)
    if (job->tasks(phase) > 0) std::make_shared<Crew>(job, phase, cores, helpers)->work(pool);
  return "";
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
  if (type == ffi::DataType::F16) return "f16";
  return "XLA data type " + std::to_string(static_cast<int>(type));
}

std::string text(const ffi::AnyBuffer& buffer) { return text(buffer.dimensions()) + " of " + name(buffer.element_type()); }

bool is(const ffi::AnyBuffer& buffer, ffi::DataType type, std::initializer_list<int64_t> dims) {
  const ffi::Span<const int64_t> got = buffer.dimensions();
  return buffer.element_type() == type && std::equal(got.begin(), got.end(), dims.begin(), dims.end());
}

attention::Problem problem_of(const ffi::AnyBuffer& q, const ffi::AnyBuffer& k, const ffi::AnyBuffer& v, double scale, double soft_cap) {
  const std::string operands = "q " + text(q) + ", k " + text(k) + ", v " + text(v);
  for (const ffi::AnyBuffer& operand : {q, k, v})
    if (operand.dimensions().size() != 4) fail("q, k and v are [batch, heads, tokens, size]", operands);
  const ffi::DataType type = q.element_type();
  if (type != ffi::DataType::F32 && type != ffi::DataType::BF16 && type != ffi::DataType::F16)
    fail("q, k and v are f32, bf16 or f16", operands);

  attention::Problem p;
  p.dtype = type == ffi::DataType::F32    ? attention::DType::kF32
            : type == ffi::DataType::BF16 ? attention::DType::kBF16
                                          : attention::DType::kF16;
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
  const auto digits = [](double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", number);
    return std::string(text);
  };
  p.soft_cap = soft_cap;
  if (!std::isfinite(static_cast<float>(2 * scale))) fail("scale is a finite number in f32", digits(scale));
  // Scores are powers of two in f32, and its inverse is a factor.
  if (soft_cap != 0 && !(soft_cap >= 0x1p-100 && soft_cap <= 0x1p100)) fail("soft_cap is from 2^-100 to 2^100, or 0 for none", digits(soft_cap));
  return p;
}

// A result's memory is often fresh, and each of its pages then a fault: of 4 KiB they take a tenth of a call. Advice that does nothing where
// there are pages already, or none larger. Part of a page is left to its neighbour.
void ask_for_large_pages(void* memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t large = uintptr_t{2} << 20;
  const auto begin = (reinterpret_cast<uintptr_t>(memory) + large - 1) / large * large;
  const auto end = (reinterpret_cast<uintptr_t>(memory) + bytes) / large * large;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

// What a call takes after v, or gives, in its order.
class Arrays {
 public:
  Arrays(const attention::Problem& problem, ffi::DataType type) : problem_(problem), type_(type) {}

  // A buffer of these sizes.
  template <typename T = void>
  T* take(const char* rule, const ffi::AnyBuffer& buffer, ffi::DataType type, std::initializer_list<int64_t> dims) const {
    if (!is(buffer, type, dims)) {
      const attention::Problem& p = problem_;
      fail(rule, text(buffer) + " for " + std::to_string(p.batch) + " x " + std::to_string(p.heads) + " heads of " + std::to_string(p.queries) +
                     " queries and " + std::to_string(p.keys) + " keys, dims " + std::to_string(p.head_dim) + " and " + std::to_string(p.value_dim));
    }
    return static_cast<T*>(buffer.untyped_data());
  }
  void* take_out(const ffi::AnyBuffer& buffer) const {
    return take("out is [batch, heads, queries, value dim] of q's dtype", buffer, type_,
                {problem_.batch, problem_.heads, problem_.queries, problem_.value_dim});
  }
  float* take_log_sum_exp(const ffi::AnyBuffer& buffer) const {
    return take<float>("log-sum-exp is [batch, heads, queries] of f32", buffer, ffi::DataType::F32,
                       {problem_.batch, problem_.heads, problem_.queries});
  }

 private:
  const attention::Problem& problem_;
  const ffi::DataType type_;
};

// q, k and v, and of the operands after them what the mask asks for and the sinks; `more` come after those.
void take_inputs(const attention::Problem& p, const attention::Mask& mask, const Arrays& arrays, const ffi::AnyBuffer& q,
                 const ffi::AnyBuffer& k, const ffi::AnyBuffer& v, const ffi::RemainingArgs& operands, size_t more, attention::Inputs* inputs) {
  inputs->q = q.untyped_data();
  inputs->k = k.untyped_data();
  inputs->v = v.untyped_data();
  const size_t wanted = (mask.has_segments ? 2 : 0) + (mask.has_lengths ? 1 : 0) + more;
  if (operands.size() != wanted && operands.size() != wanted + 1)
    fail("after v come q_segments and kv_segments for a mask with segments, key_lengths for one with lengths, sinks if there are any" +
             std::string(more ? ", out, log-sum-exp and the gradient of out" : "") + ": here " + std::to_string(wanted) + ", or one more with sinks",
         std::to_string(operands.size()));
  size_t next = 0;
  const auto take = [&](const char* rule, ffi::DataType type, std::initializer_list<int64_t> dims) {
    return arrays.take(rule, *operands.get<ffi::AnyBuffer>(next++), type, dims);
  };
  if (mask.has_segments) {
    inputs->q_segments = static_cast<int32_t*>(take("q_segments is [batch, queries] of i32", ffi::DataType::S32, {p.batch, p.queries}));
    inputs->kv_segments = static_cast<int32_t*>(take("kv_segments is [batch, keys] of i32", ffi::DataType::S32, {p.batch, p.keys}));
  }
  if (mask.has_lengths) inputs->key_lengths = static_cast<int32_t*>(take("key_lengths is [batch] of i32", ffi::DataType::S32, {p.batch}));
  if (operands.size() > wanted) inputs->sinks = static_cast<float*>(take("sinks is [heads] of f32", ffi::DataType::F32, {p.heads}));
}

// The attributes that both custom calls have.
struct Attributes {
  double scale, soft_cap;
  int64_t threads;
  ffi::Span<const int64_t> planes, head_planes;
};

attention::Mask mask_of(const attention::Problem& p, const Attributes& attributes) {
  const auto words = [](ffi::Span<const int64_t> span) { return attention::Words{span.begin(), span.size()}; };
  return attention::read_mask(words(attributes.planes), words(attributes.head_planes), p.heads, p.queries, p.keys);
}

// Runs the job that `make` makes with a kernel, and turns what it throws into an error: XLA is compiled without exceptions, and none leaves.
template <typename Make>
ffi::Error run_job(const char* target, ffi::ThreadPool& pool, const Attributes& attributes, const Make& make) {
  const auto error = [&](ffi::ErrorCode code, const std::string& message) { return ffi::Error(code, std::string(target) + ": " + message); };
  try {
    if (attributes.threads < 0) fail("threads is 1 or more, or 0 for all cores", std::to_string(attributes.threads));
    const std::string lack = run_on(pool, attributes.threads, make(attention::chosen_kernel()));
    return lack.empty() ? ffi::Error::Success() : error(ffi::ErrorCode::kResourceExhausted, lack);
  } catch (const std::invalid_argument& caught) {
    return error(ffi::ErrorCode::kInvalidArgument, caught.what());
  } catch (const std::bad_alloc&) {
    return error(ffi::ErrorCode::kResourceExhausted, "a mask, its tasks and what they keep of rows need memory; found none");
  }
}

constexpr char kForward[] = "node_pjrt_attention", kBackward[] = "node_pjrt_attention_backward", kCallback[] = "node_pjrt_callback";

ffi::Error run_forward(ffi::ThreadPool pool, ffi::AnyBuffer q, ffi::AnyBuffer k, ffi::AnyBuffer v, ffi::RemainingArgs more,
                       ffi::RemainingRets results, double scale, double soft_cap, int64_t threads, ffi::Span<const int64_t> planes,
                       ffi::Span<const int64_t> head_planes) {
  const Attributes attributes{scale, soft_cap, threads, planes, head_planes};
  return run_job(kForward, pool, attributes, [&](const attention::Kernel& kernel) {
    const attention::Problem p = problem_of(q, k, v, scale, soft_cap);
    const Arrays arrays(p, q.element_type());
    attention::Operands operands{};
    if (results.size() != 1 && results.size() != 2)
      fail("the results are out and, where wanted, log-sum-exp", std::to_string(results.size()) + " results");
    operands.out = arrays.take_out(**results.get<ffi::AnyBuffer>(0));
    ask_for_large_pages(operands.out, (**results.get<ffi::AnyBuffer>(0)).size_bytes());
    if (results.size() == 2) operands.log_sum_exp = arrays.take_log_sum_exp(**results.get<ffi::AnyBuffer>(1));
    attention::Mask mask = mask_of(p, attributes);
    take_inputs(p, mask, arrays, q, k, v, more, 0, &operands);
    return attention::forward_job(kernel, p, std::move(mask), operands);
  });
}

ffi::Error run_backward(ffi::ThreadPool pool, ffi::AnyBuffer q, ffi::AnyBuffer k, ffi::AnyBuffer v, ffi::RemainingArgs more,
                        ffi::RemainingRets results, double scale, double soft_cap, int64_t threads, ffi::Span<const int64_t> planes,
                        ffi::Span<const int64_t> head_planes) {
  const Attributes attributes{scale, soft_cap, threads, planes, head_planes};
  return run_job(kBackward, pool, attributes, [&](const attention::Kernel& kernel) {
    const attention::Problem p = problem_of(q, k, v, scale, soft_cap);
    const ffi::DataType type = q.element_type();
    const Arrays arrays(p, type);
    attention::BackwardOperands operands{};
    attention::Mask mask = mask_of(p, attributes);
    take_inputs(p, mask, arrays, q, k, v, more, 3, &operands);
    const auto last = [&](size_t from_end) { return *more.get<ffi::AnyBuffer>(more.size() - from_end); };
    operands.out = arrays.take_out(last(3));
    operands.log_sum_exp = arrays.take_log_sum_exp(last(2));
    operands.d_out = arrays.take("the gradient of out is of its type", last(1), type, {p.batch, p.heads, p.queries, p.value_dim});
    const size_t wanted = operands.sinks ? 4 : 3;
    if (results.size() != wanted)
      fail("the results are dq, dk, dv and, where there are sinks, their gradient: here " + std::to_string(wanted), std::to_string(results.size()));
    const auto result = [&](size_t n) { return **results.get<ffi::AnyBuffer>(n); };
    operands.dq = arrays.take("dq is of q's type", result(0), type, {p.batch, p.heads, p.queries, p.head_dim});
    operands.dk = arrays.take("dk is of k's type", result(1), type, {p.batch, p.kv_heads, p.keys, p.head_dim});
    operands.dv = arrays.take("dv is of v's type", result(2), type, {p.batch, p.kv_heads, p.keys, p.value_dim});
    for (size_t n = 0; n < 3; n++) ask_for_large_pages(result(n).untyped_data(), result(n).size_bytes());
    if (operands.sinks) operands.d_sinks = arrays.take<float>("the gradient of the sinks is [heads] of f32", result(3), ffi::DataType::F32, {p.heads});
    const auto most = static_cast<int>(pool.num_threads());
    return attention::backward_job(kernel, p, std::move(mask), operands, most);
  });
}

auto binding() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Arg<ffi::AnyBuffer>()
      .Arg<ffi::AnyBuffer>()
      .Arg<ffi::AnyBuffer>()
      .RemainingArgs()
      .RemainingRets()
      .Attr<double>("scale")
      .Attr<double>("soft_cap")
      .Attr<int64_t>("threads")
      .Attr<ffi::Span<const int64_t>>("planes")
      .Attr<ffi::Span<const int64_t>>("head_planes");
}

XLA_FFI_DEFINE_HANDLER(forward_handler, run_forward, binding());
XLA_FFI_DEFINE_HANDLER(backward_handler, run_backward, binding());

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

// What a plugin asks a handler with, when it registers it, is the way to its functions for handlers.
thread_local const XLA_FFI_Api* asked_with;

XLA_FFI_Error* callback_handler(XLA_FFI_CallFrame* frame) {
  asked_with = frame->api;
  return node_pjrt::run_callback(frame);
}

}  // namespace

std::string register_ffi_handlers(const PJRT_Api* api, const XLA_FFI_Api** functions) {
  const FfiExtension* extension = ffi_extension_of(api);
  if (!extension) return "";
  const size_t size = extension->base.struct_size;
  if (size < sizeof(FfiExtension) || !extension->register_handler)
    return "a plugin's FFI extension can register a handler; got one of " + std::to_string(size) + " bytes, which cannot";

  const auto add = [&](const std::string& target, void* handler) -> std::string {
    const std::string platform = kFfiPlatform;
    RegisterHandlerArgs args = {};
    args.struct_size = offsetof(RegisterHandlerArgs, traits) + sizeof(args.traits);
    args.target_name = target.data();
    args.target_name_size = target.size();
    args.handler = handler;
    args.platform_name = platform.data();
    args.platform_name_size = platform.size();
    PJRT_Error* error = extension->register_handler(&args);
    return error ? "the plugin did not register " + target + ": " + take_message(api, error) : "";
  };
  asked_with = nullptr;
  std::string problem = add(kForward, reinterpret_cast<void*>(+forward_handler));
  if (problem.empty()) problem = add(kBackward, reinterpret_cast<void*>(+backward_handler));
  // Callbacks, and whatever else is registered, come with a context of each run.
  if (problem.empty() && node_pjrt::has_function(api, offsetof(PJRT_Api, PJRT_ExecuteContext_Create)))
    problem = add(kCallback, reinterpret_cast<void*>(+callback_handler));
  const bool is_same = asked_with && asked_with->api_version.major_version == XLA_FFI_API_MAJOR &&
                       asked_with->api_version.minor_version == XLA_FFI_API_MINOR;
  *functions = is_same ? asked_with : nullptr;
  return problem;
}
