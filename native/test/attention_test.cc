// The attention kernels without Node, XLA or a plugin, to be run under sanitizers: every instruction set that this machine has, and one of
// attention_paired.cc, on problems of random shape, against plain loops in double precision.   attention_test [problems [isa]]
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>

#include "../attention_kernel.h"
#include "harness.h"

namespace attention {
extern const Kernel paired_kernel;
}

namespace {

using attention::DType;
using harness::Array;

int failures = 0;

#define CHECK(condition, ...)                  \
  do {                                         \
    if (!(condition)) {                        \
      failures++;                              \
      printf("%s:%d: ", __FILE__, __LINE__);   \
      printf(__VA_ARGS__);                     \
      printf("\n");                            \
    }                                          \
  } while (0)

struct Case {
  attention::Problem p;
  std::vector<int64_t> words;  // of the mask
  std::function<bool(int64_t sequence, int64_t row, int64_t key)> allows;
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

// The largest difference of what an array has from what it should have, by the largest of the latter and one. What is infinite by one sum may
// be NaN by another.
double difference(const std::function<double(int64_t)>& got, const std::vector<double>& wanted) {
  double largest = 1, off = 0;
  for (size_t i = 0; i < wanted.size(); i++) {
    const double x = got(static_cast<int64_t>(i));
    if (std::isfinite(wanted[i])) largest = std::max(largest, std::fabs(wanted[i]));
    if (std::isfinite(wanted[i]) != std::isfinite(x)) off = INFINITY;
    if (std::isfinite(wanted[i])) off = std::max(off, std::fabs(x - wanted[i]));
  }
  return off / largest;
}

void compare(const std::string& isa, const Case& c, Arrays& a) {
  const attention::Problem& p = c.p;
  std::vector<double> out(static_cast<size_t>(a.out.size())), sums(static_cast<size_t>(a.sums.size()));
  std::vector<double> dq(static_cast<size_t>(a.q.size())), dk(static_cast<size_t>(a.k.size())), dv(static_cast<size_t>(a.v.size()));
  std::vector<double> d_sinks(static_cast<size_t>(p.heads));
  const int64_t group = p.heads / p.kv_heads;
  for (int64_t h = 0; h < p.batch * p.heads; h++)
    for (int64_t i = 0; i < p.queries; i++) {
      const int64_t row = h * p.queries + i, sequence = h / p.heads, kv = h / group;
      const double sink = c.has_sinks ? a.sinks[static_cast<size_t>(h % p.heads)] : -INFINITY;
      std::vector<int64_t> attended;
      std::vector<double> score, slope, weight;
      double most = sink;
      for (int64_t j = 0; j < p.keys; j++) {
        if (!c.allows(sequence, i, j)) continue;
        if (c.has_segments && a.q_segments[static_cast<size_t>(sequence * p.queries + i)] != a.kv_segments[static_cast<size_t>(sequence * p.keys + j)])
          continue;
        if (c.has_lengths && j >= a.lengths[static_cast<size_t>(sequence)]) continue;
        double x = 0;
        for (int64_t d = 0; d < p.head_dim; d++) x += static_cast<double>(a.q.at(row * p.head_dim + d)) * a.k.at((kv * p.keys + j) * p.head_dim + d);
        x *= p.scale;
        const double tanh = p.soft_cap ? std::tanh(x / p.soft_cap) : 0;
        attended.push_back(j);
        slope.push_back(1 - tanh * tanh);
        score.push_back(p.soft_cap ? p.soft_cap * tanh : x);
        most = std::max(most, score.back());
      }
      double total = sink == -INFINITY ? 0 : std::exp(sink - most);
      for (const double x : score) total += std::exp(x - most);
      sums[static_cast<size_t>(row)] = total > 0 ? most + std::log(total) : -INFINITY;
      std::vector<double> d_weight;
      double delta = 0;
      for (size_t n = 0; n < attended.size(); n++) {
        weight.push_back(std::exp(score[n] - most) / total);
        double sum = 0;
        for (int64_t d = 0; d < p.value_dim; d++) {
          const int64_t at = (kv * p.keys + attended[n]) * p.value_dim + d;
          out[static_cast<size_t>(row * p.value_dim + d)] += weight[n] * a.v.at(at);
          dv[static_cast<size_t>(at)] += weight[n] * a.d_out.at(row * p.value_dim + d);
          sum += static_cast<double>(a.d_out.at(row * p.value_dim + d)) * a.v.at(at);
        }
        d_weight.push_back(sum);
        delta += weight[n] * sum;
      }
      if (sink != -INFINITY) d_sinks[static_cast<size_t>(h % p.heads)] -= std::exp(sink - most) / total * delta;
      for (size_t n = 0; n < attended.size(); n++) {
        const double ds = weight[n] * (d_weight[n] - delta) * slope[n] * p.scale;
        for (int64_t d = 0; d < p.head_dim; d++) {
          const int64_t at = (kv * p.keys + attended[n]) * p.head_dim + d;
          dq[static_cast<size_t>(row * p.head_dim + d)] += ds * a.k.at(at);
          dk[static_cast<size_t>(at)] += ds * a.q.at(row * p.head_dim + d);
        }
      }
    }
  // Results are rounded to bf16, and by kernels with pairs of them the weights before.
  const bool pairs = isa == "paired" || isa.find("bf16") != std::string::npos;
  const double tolerance = p.dtype == DType::kF32 ? 2e-6 : p.dtype == DType::kF16 ? 6e-4 : pairs ? 6e-3 : 4e-3;
  const auto check = [&](const char* name, const std::function<double(int64_t)>& got, const std::vector<double>& wanted, double limit) {
    const double off = difference(got, wanted);
    CHECK(off <= limit, "%s: %s of %s is off by %.2e, more than %.1e", isa.c_str(), name, c.text.c_str(), off, limit);
  };
  const auto of = [](const Array& array) { return [&array](int64_t i) { return static_cast<double>(array.at(i)); }; };
  check("out", of(a.out), out, tolerance);
  check("log-sum-exp", of(a.sums), sums, 4e-6);
  check("dq", of(a.dq), dq, 4 * tolerance);
  check("dk", of(a.dk), dk, 4 * tolerance);
  check("dv", of(a.dv), dv, 4 * tolerance);
  if (c.has_sinks) check("dSinks", [&](int64_t i) { return static_cast<double>(a.d_sinks[static_cast<size_t>(i)]); }, d_sinks, 4 * tolerance);
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
  p.value_dim = whole(0, 1) ? p.head_dim : whole(1, 80);
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
  c.words[c.words.size() - c.words.size() + (modulus > 1 ? 6 : 5)] = c.has_segments ? 1 : -1;
  c.words[modulus > 1 ? 7 : 6] = c.has_lengths ? 1 : -1;
  c.allows = [=](int64_t, int64_t i, int64_t j) { return j >= i - before && j <= i + after && (modulus == 1 || (j - i + 3 * 100000) % 3 != 1); };
  char text[300];
  std::snprintf(text, sizeof text, "%s %d x %d/%d heads, %d x %d tokens, dims %d and %d, scale %.3f, cap %.1f, band %d %d, modulus %d%s%s%s",
                p.dtype == DType::kF32 ? "f32" : p.dtype == DType::kBF16 ? "bf16" : "f16", int(p.batch), int(p.heads), int(p.kv_heads),
                int(p.queries), int(p.keys), int(p.head_dim), int(p.value_dim), p.scale, p.soft_cap, int(before), int(after), int(modulus),
                c.has_segments ? ", segments" : "", c.has_lengths ? ", lengths" : "", c.has_sinks ? ", sinks" : "");
  c.text = text;
  return c;
}

// Infinity and NaN in inputs that only some rows attend to.
void spoil(Arrays& a, std::mt19937& random) {
  const float bad[] = {NAN, INFINITY, -INFINITY};
  Array* arrays[] = {&a.v, &a.d_out};
  Array& array = *arrays[random() % 2];
  array.set(static_cast<int64_t>(random() % static_cast<unsigned>(array.size())), bad[random() % 3]);
}

bool same_bits(const Array& a, const Array& b) { return memcmp(a.data(), b.data(), static_cast<size_t>(a.size()) * a.width()) == 0; }

std::vector<const attention::Kernel*> kernels() {
  std::vector<const attention::Kernel*> all;
  std::string why;
  for (const std::string& isa : attention::kernel_names()) all.push_back(attention::select_kernel(isa.c_str(), &why));
  all.push_back(&attention::paired_kernel);
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  const int problems = count > 1 ? std::atoi(arguments[1]) : 300;
  for (const attention::Kernel* each : kernels()) {
    const attention::Kernel& kernel = *each;
    const std::string isa = kernel.name;
    if (count > 2 && isa != arguments[2]) continue;
    std::mt19937 random(1);
    const int before = failures;
    for (int n = 0; n < problems; n++) {
      const Case c = random_case(random);
      Arrays a(c, static_cast<unsigned>(n)), b(c, static_cast<unsigned>(n));
      if (n % 5 == 4) {
        std::mt19937 same = random;
        spoil(a, random);
        spoil(b, same);
      }
      run(kernel, c, a, 1);
      compare(isa, c, a);
      run(kernel, c, b, 3);
      CHECK(same_bits(a.out, b.out) && same_bits(a.sums, b.sums) && same_bits(a.dq, b.dq) && same_bits(a.dk, b.dk) && same_bits(a.dv, b.dv),
            "%s: %s differs with the number of threads", isa.c_str(), c.text.c_str());
    }
    printf("%s: %d problems, %d failures\n", isa.c_str(), problems, failures - before);
    fflush(stdout);
  }
  return failures ? 1 : 0;
}
