// The forward pass as a job. The long tasks of the heads that share keys and values go first.
#include <algorithm>
#include <utility>

#include "attention_kernel.h"

namespace attention {
namespace {

// Where there are fewer tasks than this, each is split by keys, but for none of fewer than kLeastKeys: decoding reads a long cache with all
// cores. Of the problem alone, so that sums have one order on every machine.
constexpr int64_t kManyTasks = 64, kLeastKeys = 1024;

class Forward final : public Job {
 public:
  Forward(const Kernel& kernel, const Problem& problem, Mask mask, const Operands& operands)
      : kernel_(kernel), problem_(problem), operands_(operands), sight_(problem, std::move(mask), operands) {
    plan();
  }

  int phases() const override { return 1; }
  int64_t tasks(int) const override { return static_cast<int64_t>(tasks_.size()); }
  double flops() const override { return flops_; }
  size_t scratch_bytes() const override { return kernel_.forward_scratch_bytes(problem_) + state_floats_ * sizeof(float); }

  void run(int, int64_t n, void* scratch) override {
    const Task& task = tasks_[static_cast<size_t>(n)];
    const View view = sight_.view_of(task.what.head);
    if (task.split == kWhole) {
      float* state = static_cast<float*>(scratch);
      kernel_.forward(problem_, view, operands_, task.what, state, state + state_floats_);
      kernel_.finish(problem_, operands_, task.what, state, 1);
      return;
    }
    Split& split = *splits_[task.split];
    float* states = static_cast<float*>(states_.get()) + split.state;
    const size_t floats = kernel_.forward_state_floats(problem_, task.what);
    kernel_.forward(problem_, view, operands_, task.what, states + task.part * floats, static_cast<float*>(scratch) + state_floats_);
    // The last of them puts them together, in the order of their keys.
    if (split.done.fetch_add(1) + 1 == split.parts) kernel_.finish(problem_, operands_, task.what, states, split.parts);
  }

 private:
  static constexpr size_t kWhole = SIZE_MAX;
  struct Task {
    ForwardTask what;
    double pairs;
    size_t split, part;  // a number in splits_, or kWhole
  };
  struct Split {
    size_t state;
    int64_t parts;
    std::atomic<int64_t> done{0};
    Split(size_t at, int64_t of) : state(at), parts(of) {}
  };

  // Pairs of the rows with keys that some of them attend to.
  double pairs_of(const View& view, int64_t first, int64_t last, Keys keys) const {
    const Rows rows = view.rows(first, last);
    int64_t count = 0;
    for (Keys run = view.next(rows, keys.begin); run.begin < keys.end; run = view.next(rows, run.end))
      count += std::min(run.end, keys.end) - run.begin;
    return static_cast<double>(count) * static_cast<double>(last + 1 - first);
  }

  void plan() {
    const Problem& p = problem_;
    if (p.batch == 0 || p.heads == 0 || p.queries == 0) return;
    const int64_t group = p.heads / p.kv_heads, width = kernel_.width;
    const int64_t rows = p.batch * p.heads * p.queries >= kManyTasks * kTaskRows ? kTaskRows : kQueryBlock;
    const std::vector<size_t>& planes = sight_.mask().plane_of_head;
    bool shares_plane = true;  // do all heads of each group
    for (size_t h = 0; planes.size() > 1 && h < planes.size(); h++) shares_plane &= planes[h] == planes[h - h % static_cast<size_t>(group)];

    ForwardTask shape{};
    shape.heads = shape.heads_per_tile = 1;
    shape.queries = std::min(p.queries, rows);
    if (shares_plane) {
      if (2 * p.queries <= width) shape.heads_per_tile = std::min(group, width / p.queries);
      const int64_t tile_rows = shape.heads_per_tile > 1 ? width : (shape.queries + width - 1) / width * width;
      shape.heads = std::min(group, std::max<int64_t>(1, rows / tile_rows) * shape.heads_per_tile);
    }
    const int64_t blocks = (p.queries + rows - 1) / rows;
    const int64_t of_group = (group + shape.heads - 1) / shape.heads;
    const int64_t whole_tasks = p.batch * p.kv_heads * of_group * blocks;
    const int64_t parts = std::clamp<int64_t>(std::min((kManyTasks + whole_tasks - 1) / whole_tasks, p.keys / kLeastKeys), 1, kManyTasks);
    const int64_t part_keys = (p.keys + parts * kKeyBlock - 1) / (parts * kKeyBlock) * kKeyBlock;

    // By kv head, and there the longest first, by block and query head: threads at work at the same time read the same keys and values.
    // Pairs depend on the sequence and the plane alone.
    std::vector<std::vector<double>> pairs(sight_.mask().planes.size());
    int64_t counted = -1;
    size_t states = 0;
    tasks_.reserve(static_cast<size_t>(whole_tasks * parts));
    for (int64_t kv_head = 0; kv_head < p.batch * p.kv_heads; kv_head++) {
      const int64_t sequence = sight_.differs_by_sequence() ? kv_head / p.kv_heads : 0;
      if (sequence != counted) {
        counted = sequence;
        for (size_t plane = 0; plane < pairs.size(); plane++) {
          pairs[plane].clear();
          const View view = sight_.view(sequence, sight_.mask().planes[plane]);
          for (int64_t first = 0; first < p.queries; first += rows)
            for (int64_t part = 0; part < parts; part++)
              pairs[plane].push_back(pairs_of(view, first, std::min(first + rows, p.queries) - 1,
                                              {part * part_keys, std::min(p.keys, (part + 1) * part_keys)}));
        }
      }
      const auto start = tasks_.end() - tasks_.begin();
      for (int64_t block = 0; block < blocks; block++)
        for (int64_t n = 0; n < of_group; n++) {
          ForwardTask what = shape;
          what.head = kv_head * group + n * shape.heads;
          what.heads = std::min(shape.heads, group - n * shape.heads);
          what.first_query = block * rows;
          what.queries = std::min(rows, p.queries - what.first_query);
          const std::vector<double>& of_plane = pairs[sight_.mask().plane_number(what.head % p.heads)];
          const size_t floats = kernel_.forward_state_floats(p, what);
          state_floats_ = std::max(state_floats_, floats);
          size_t split = kWhole;
          if (parts > 1) {
            split = splits_.size();
            splits_.push_back(std::make_unique<Split>(states, parts));
            states += floats * static_cast<size_t>(parts);
          }
          for (int64_t part = 0; part < parts; part++) {
            what.keys = {part * part_keys, std::min(p.keys, (part + 1) * part_keys)};
            const double count = of_plane[static_cast<size_t>(block * parts + part)] * static_cast<double>(what.heads);
            flops_ += 2.0 * static_cast<double>(p.head_dim + p.value_dim) * count;
            tasks_.push_back({what, count, split, static_cast<size_t>(part)});
          }
        }
      std::stable_sort(tasks_.begin() + start, tasks_.end(), [](const Task& a, const Task& b) { return a.pairs > b.pairs; });
    }
    if (states) states_ = memory_of(states * sizeof(float));
  }

  const Kernel& kernel_;
  const Problem problem_;
  const Operands operands_;
  const Sight sight_;
  std::vector<Task> tasks_;
  std::vector<std::unique_ptr<Split>> splits_;
  Memory states_;
  size_t state_floats_ = 0;
  double flops_ = 0;
};

}  // namespace

std::unique_ptr<Job> forward_job(const Kernel& kernel, const Problem& problem, Mask mask, const Operands& operands) {
  return std::make_unique<Forward>(kernel, problem, std::move(mask), operands);
}

}  // namespace attention
