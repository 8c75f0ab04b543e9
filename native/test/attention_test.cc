// The attention kernels without Node, XLA or a plugin, to be run under sanitizers: every instruction set that this machine has, and those of
// attention_paired.cc and attention_amx.cc, on problems of random shape, against plain loops in double precision.
//   attention_test [problems [kernel...]]
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "../attention_kernel.h"
#include "harness.h"

namespace attention {
extern const Kernel paired_kernel;
extern const Kernel amx_emulated_kernel;
}

namespace {

using attention::DType;
using harness::Array;

int failures = 0;

#define CHECK(condition, ...)                  \
  do {                                         \
    if (!(condition)) {                        \
      failures++;                              \
      fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);   \
      fprintf(stderr, __VA_ARGS__);                     \
      fprintf(stderr, "\n");                            \
    }                                          \
  } while (0)

struct Case {
  attention::Problem p;
  std::vector<int64_t> words;  // of the mask
  std::function<bool(int64_t row, int64_t key)> allows;
  bool has_segments = false, has_lengths = false, has_sinks = false;
  std::string text;
};

struct Arrays {
  Array q, k, v, out, d_out, dq, dk, dv, sums;
  std::vector<float> sinks, d_sinks;
  std::vector<int32_t> q_segments, kv_segments, lengths;

  // XLA promises of parameters that they are aligned to 16 bytes.
  Arrays(const Case& c, unsigned seed) : Arrays(c, seed, 16 * (seed % 4)) {}
  Arrays(const Case& c, unsigned seed, size_t off)
      : q(c.p.dtype, c.p.batch * c.p.heads * c.p.queries * c.p.head_dim, off),
        k(c.p.dtype, c.p.batch * c.p.kv_heads * c.p.keys * c.p.head_dim, off),
        v(c.p.dtype, c.p.batch * c.p.kv_heads * c.p.keys * c.p.value_dim, off),
        out(c.p.dtype, c.p.batch * c.p.heads * c.p.queries * c.p.value_dim, off),
        d_out(c.p.dtype, out.size(), off),
        dq(c.p.dtype, q.size(), off),
        dk(c.p.dtype, k.size(), off),
        dv(c.p.dtype, v.size(), off),
        sums(DType::kF32, c.p.batch * c.p.heads * c.p.queries, off) {
    q.fill(seed);
    k.fill(seed + 1);
    v.fill(seed + 2);
    d_out.fill(seed + 3);
    std::mt19937 random(seed);
    for (int64_t h = 0; h < c.p.heads; h++) sinks.push_back(h == 1 ? -INFINITY : static_cast<float>(random() % 100) / 25 - 2);
    d_sinks.resize(sinks.size());
    const auto ids = [&](int64_t tokens, std::vector<int32_t>* to) {
      for (int64_t n = 0; n < c.p.batch; n++)
        for (int64_t i = 0, id = 0; i < tokens; i++) to->push_back(static_cast<int32_t>(id += random() % 40 == 0));
    };
    ids(c.p.queries, &q_segments);
    ids(c.p.keys, &kv_segments);
    for (int64_t n = 0; n < c.p.batch; n++) lengths.push_back(static_cast<int32_t>(random() % static_cast<unsigned>(c.p.keys + 3)) - 1);
  }

  attention::Inputs inputs(const Case& c) const {
    return {q.data(), k.data(), v.data(), c.has_segments ? q_segments.data() : nullptr, c.has_segments ? kv_segments.data() : nullptr,
            c.has_lengths ? lengths.data() : nullptr, c.has_sinks ? sinks.data() : nullptr};
  }
};

void run(const attention::Kernel& kernel, const Case& c, Arrays& a, int threads) {
  float* sums = static_cast<float*>(a.sums.data());
  harness::Scratch forward, backward;
  harness::run(*attention::forward_job(kernel, c.p, harness::mask_of(c.words, c.p), {a.inputs(c), a.out.data(), sums}), threads, forward);
  const attention::BackwardOperands operands{a.inputs(c),    a.out.data(), sums,           a.d_out.data(),
                                             a.dq.data(), a.dk.data(),  a.dv.data(), c.has_sinks ? a.d_sinks.data() : nullptr};
  harness::run(*attention::backward_job(kernel, c.p, harness::mask_of(c.words, c.p), operands, threads), threads, backward);
}

// The largest difference of what an array has from what it should have, by the largest of the latter and one. What is infinite by one sum
// may be NaN by another.
double difference(const std::vector<double>& got, const std::vector<double>& wanted) {
  double largest = 1, off = 0;
  for (size_t i = 0; i < wanted.size(); i++) {
    if (std::isfinite(wanted[i]) != std::isfinite(got[i])) off = INFINITY;
    if (!std::isfinite(wanted[i])) continue;
    largest = std::max(largest, std::fabs(wanted[i]));
    off = std::max(off, std::fabs(got[i] - wanted[i]));
  }
  return off / largest;
}

// What a problem's arrays should have.
struct Wanted {
  std::vector<double> out, sums, dq, dk, dv, d_sinks;
};

std::vector<double> numbers_of(const Array& array) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < array.size(); i++) numbers.push_back(array.at(i));
  return numbers;
}

double dot(const double* a, const double* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

void add(double* to, double factor, const double* from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] += factor * from[i];
}

Wanted wanted_of(const Case& c, const Arrays& a) {
  const attention::Problem& p = c.p;
  const std::vector<double> q = numbers_of(a.q), k = numbers_of(a.k), v = numbers_of(a.v), d_out = numbers_of(a.d_out);
  Wanted w;
  w.out.resize(d_out.size());
  w.dq.resize(q.size());
  w.dk.resize(k.size());
  w.dv.resize(v.size());
  w.d_sinks.resize(a.sinks.size());
  const int64_t group = p.heads / p.kv_heads;
  for (int64_t h = 0; h < p.batch * p.heads; h++)
    for (int64_t i = 0; i < p.queries; i++) {
      const int64_t row = h * p.queries + i, sequence = h / p.heads, first_key = h / group * p.keys;
      const double *q_row = &q[row * p.head_dim], *d_out_row = &d_out[row * p.value_dim];
      const double sink = c.has_sinks ? a.sinks[h % p.heads] : -INFINITY;
      struct Pair {
        int64_t key;
        double score, slope, weight, d_weight;
      };
      std::vector<Pair> pairs;
      double most = sink;
      for (int64_t j = 0; j < p.keys; j++) {
        if (!c.allows(i, j)) continue;
        if (c.has_segments && a.q_segments[sequence * p.queries + i] != a.kv_segments[sequence * p.keys + j]) continue;
        if (c.has_lengths && j >= a.lengths[sequence]) continue;
        const double x = dot(q_row, &k[(first_key + j) * p.head_dim], p.head_dim) * p.scale;
        const double tanh = p.soft_cap ? std::tanh(x / p.soft_cap) : 0, score = p.soft_cap ? p.soft_cap * tanh : x;
        pairs.push_back({first_key + j, score, 1 - tanh * tanh, 0, 0});
        most = std::max(most, score);
      }
      double total = sink == -INFINITY ? 0 : std::exp(sink - most);
      for (const Pair& pair : pairs) total += std::exp(pair.score - most);
      w.sums.push_back(total > 0 ? most + std::log(total) : -INFINITY);
      double delta = 0;
      for (Pair& pair : pairs) {
        const double* v_row = &v[pair.key * p.value_dim];
        pair.weight = std::exp(pair.score - most) / total;
        pair.d_weight = dot(d_out_row, v_row, p.value_dim);
        delta += pair.weight * pair.d_weight;
        add(&w.out[row * p.value_dim], pair.weight, v_row, p.value_dim);
        add(&w.dv[pair.key * p.value_dim], pair.weight, d_out_row, p.value_dim);
      }
      if (sink != -INFINITY) w.d_sinks[h % p.heads] -= std::exp(sink - most) / total * delta;
      for (const Pair& pair : pairs) {
        const double d_score = pair.weight * (pair.d_weight - delta) * pair.slope * p.scale;
        add(&w.dq[row * p.head_dim], d_score, &k[pair.key * p.head_dim], p.head_dim);
        add(&w.dk[pair.key * p.head_dim], d_score, q_row, p.head_dim);
      }
    }
  return w;
}

void compare(const std::string& isa, const Case& c, const Arrays& a, const Wanted& wanted) {
  // Results are rounded to bf16, and by kernels with pairs of them the weights before.
  const bool pairs = isa == "paired" || isa.find("bf16") != std::string::npos || isa.find("amx") != std::string::npos;
  const double tolerance = c.p.dtype == DType::kF32 ? 2e-6 : c.p.dtype == DType::kF16 ? 6e-4 : pairs ? 6e-3 : 4e-3;
  const auto check = [&](const char* name, const std::vector<double>& got, const std::vector<double>& numbers, double limit) {
    const double off = difference(got, numbers);
    CHECK(off <= limit, "%s: %s of %s is off by %.2e, more than %.1e", isa.c_str(), name, c.text.c_str(), off, limit);
  };
  check("out", numbers_of(a.out), wanted.out, tolerance);
  check("log-sum-exp", numbers_of(a.sums), wanted.sums, 4e-6);
  check("dq", numbers_of(a.dq), wanted.dq, 4 * tolerance);
  check("dk", numbers_of(a.dk), wanted.dk, 4 * tolerance);
  check("dv", numbers_of(a.dv), wanted.dv, 4 * tolerance);
  if (c.has_sinks) check("dSinks", {a.d_sinks.begin(), a.d_sinks.end()}, wanted.d_sinks, 4 * tolerance);
}

Case random_case(std::mt19937& random) {
  const auto whole = [&](int64_t low, int64_t high) { return low + static_cast<int64_t>(random() % static_cast<unsigned>(high - low + 1)); };
  Case c;
  attention::Problem& p = c.p;
  p.dtype = static_cast<DType>(whole(0, 2));
  p.batch = whole(1, 2);
  p.kv_heads = whole(1, 2);
  p.heads = p.kv_heads * whole(1, 5);
  p.queries = whole(0, 3) ? whole(1, 200) : whole(1, 8);
  p.keys = whole(0, 7) ? whole(1, 300) : whole(2000, 2500);
  if (p.keys > 300) p.queries = whole(1, 20);
  p.head_dim = whole(1, 80);
  // Whole vectors of values have paths of their own.
  p.value_dim = whole(0, 1) ? p.head_dim : whole(0, 1) ? whole(1, 80) : 16 * whole(1, 5);
  p.scale = whole(0, 4) ? 1 / std::sqrt(static_cast<double>(p.head_dim)) : -0.3;
  p.soft_cap = whole(0, 3) ? 0 : 2.5;
  c.has_sinks = whole(0, 2) == 0;
  const int64_t before = whole(0, 2) ? p.queries + p.keys : whole(0, 90), after = whole(0, 2) ? whole(0, 1) * whole(0, 60) : p.queries + p.keys;
  c.words = harness::band(p.queries, p.keys, before, after);
  const int64_t modulus = whole(0, 3) ? 1 : 3;
  if (modulus > 1) {
    c.words.erase(c.words.begin() + 1, c.words.begin() + 5);
    c.words.insert(c.words.begin() + 1, {modulus, 1, 2, 0, 2});
  }
  c.has_segments = whole(0, 3) == 0;
  c.has_lengths = whole(0, 3) == 0;
  const size_t asks = modulus > 1 ? 6 : 5;
  c.words[asks] = c.has_segments ? 1 : -1;
  c.words[asks + 1] = c.has_lengths ? 1 : -1;
  c.allows = [=](int64_t i, int64_t j) { return j >= i - before && j <= i + after && (modulus == 1 || (j - i + 3 * 100000) % 3 != 1); };
  char text[300];
  std::snprintf(text, sizeof text, "%s %d x %d/%d heads, %d x %d tokens, dims %d and %d, scale %.3f, cap %.1f, band %d %d, modulus %d%s%s%s",
                p.dtype == DType::kF32 ? "f32" : p.dtype == DType::kBF16 ? "bf16" : "f16", int(p.batch), int(p.heads), int(p.kv_heads),
                int(p.queries), int(p.keys), int(p.head_dim), int(p.value_dim), p.scale, p.soft_cap, int(before), int(after), int(modulus),
                c.has_segments ? ", segments" : "", c.has_lengths ? ", lengths" : "", c.has_sinks ? ", sinks" : "");
  c.text = text;
  return c;
}

// Infinity or NaN in an input, which only some rows attend to. Not infinity where it makes scores: what has no weight may be masked or at
// -inf, which kernels do not tell from each other.
void spoil(Arrays& a, unsigned long number) {
  const float bad[] = {NAN, INFINITY, -INFINITY};
  Array* const arrays[] = {&a.v, &a.d_out, &a.q, &a.k};
  Array& array = *arrays[number % 4];
  array.set(static_cast<int64_t>(number / 12 % static_cast<unsigned>(array.size())), number % 4 < 2 ? bad[number / 4 % 3] : NAN);
}

bool same_bits(const Array& a, const Array& b) { return memcmp(a.data(), b.data(), static_cast<size_t>(a.size()) * a.width()) == 0; }

std::vector<const attention::Kernel*> kernels() {
  std::vector<const attention::Kernel*> all;
  std::string why;
  for (const std::string& isa : attention::kernel_names()) all.push_back(attention::select_kernel(isa.c_str(), &why));
  all.push_back(&attention::paired_kernel);
  all.push_back(&attention::amx_emulated_kernel);
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  const int problems = count > 1 ? std::atoi(arguments[1]) : 300;
  std::map<std::string, int> failures_of;
  std::mt19937 random(1);
  for (int n = 0; n < problems; n++) {
    const auto seed = static_cast<unsigned>(n);
    const Case c = random_case(random);
    const auto bad = n % 5 == 4 ? random() : 0;
    Wanted wanted;
    for (const attention::Kernel* kernel : kernels()) {
      const std::string isa = kernel->name;
      if (count > 2 && std::find(arguments + 2, arguments + count, isa) == arguments + count) continue;
      const int before = failures;
      Arrays a(c, seed), b(c, seed);
      if (bad) {
        spoil(a, bad);
        spoil(b, bad);
      }
      if (wanted.out.empty()) wanted = wanted_of(c, a);
      run(*kernel, c, a, 1);
      compare(isa, c, a, wanted);
      run(*kernel, c, b, 3);
      CHECK(same_bits(a.out, b.out) && same_bits(a.sums, b.sums) && same_bits(a.dq, b.dq) && same_bits(a.dk, b.dk) && same_bits(a.dv, b.dv),
            "%s: %s differs with the number of threads", isa.c_str(), c.text.c_str());
      failures_of[isa] += failures - before;
    }
  }
  for (const auto& [isa, of_isa] : failures_of) printf("%s: %d problems, %d failures\n", isa.c_str(), problems, of_isa);
  return failures || failures_of.empty() ? 1 : 0;
}
