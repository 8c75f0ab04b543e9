// A mask from any words at all: refused with the rule that it breaks, or walked as its specification in ffi.h says, pair by pair.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "../../attention_kernel.h"
#include "../../attention_mask.h"
#include "input.h"

namespace {

using namespace attention;

[[noreturn]] void fail(const char* what, int64_t row, int64_t key) {
  std::fprintf(stderr, "%s: row %lld, key %lld\n", what, static_cast<long long>(row), static_cast<long long>(key));
  std::abort();
}

// What the mask is for: ids and a length of one sequence.
struct Given {
  int64_t queries, keys, length;
  std::vector<int32_t> q_ids, kv_ids;
};

// By the specification, from the words of all planes: whether row i may attend to key j in each plane.
std::vector<bool> allowed(const std::vector<int64_t>& words, const Given& given, int64_t i, int64_t j) {
  const int same = given.q_ids[static_cast<size_t>(i)] == given.kv_ids[static_cast<size_t>(j)], within = j < given.length;
  size_t at = 0;
  const auto next = [&] { return words[at++]; };
  std::vector<bool> planes(static_cast<size_t>(next()));
  for (size_t plane = 0; plane < planes.size(); plane++) {
    const int64_t modulus = next();
    for (int64_t parts = next(); parts > 0; parts--) {
      bool holds = false;
      for (int64_t residues = next(); residues > 0; residues--) holds |= next() == ((j - i) % modulus + modulus) % modulus;
      const int64_t segments = next(), lengths = next();
      holds &= (segments < 0 || segments == same) && (lengths < 0 || lengths == within);
      for (int64_t strips = next(); strips > 0; strips--) {
        const int64_t start = next(), end = next();
        for (int64_t intervals = next(); intervals > 0; intervals--) {
          const int64_t low_slope = next(), low = next(), high_slope = next(), high = next();
          if (holds && start <= i && i < end && low_slope * i + low <= j && j < high_slope * i + high) planes[plane] = true;
        }
      }
    }
  }
  return planes;
}

bool has(const Piece& piece, const View& view, int64_t i, int64_t j) {
  const Part& part = *piece.part;
  if (j < piece.interval.low.at(i) || j >= piece.interval.high.at(i)) return false;
  if (piece.asks_residues) {
    const int64_t residue = ((j - i) % part.modulus + part.modulus) % part.modulus;
    if (!std::binary_search(part.residues.begin(), part.residues.end(), residue)) return false;
  }
  return !piece.asks_segments || (view.q_segments[i] == view.kv_segments[j]) == (part.segments == 1);
}

// The pairs of a block of keys that the pieces have, each once.
void walk(const View& view, const Rows& rows, Keys block, std::set<std::pair<int64_t, int64_t>>* pairs) {
  Pieces pieces(view, rows, block);
  for (Piece piece; pieces.next(&piece);) {
    if (piece.first < rows.first || piece.last > rows.last || piece.keys.begin < block.begin || piece.keys.end > block.end)
      fail("a piece is within what was asked for", piece.first, piece.keys.begin);
    for (int64_t i = piece.first; i <= piece.last; i++)
      for (int64_t j = piece.keys.begin; j < piece.keys.end; j++) {
        const bool holds = has(piece, view, i, j);
        if (piece.whole() && !holds) fail("a whole piece has all pairs", i, j);
        if (holds && !pairs->emplace(i, j).second) fail("two pieces have no pair in common", i, j);
      }
  }
}

void check(const std::vector<int64_t>& words, const Plane& plane, size_t number, const Given& given, int64_t first, int64_t last) {
  const IdPyramid ids(given.kv_ids.data(), given.keys);
  const View view{&plane, given.keys, given.length, given.q_ids.data(), given.kv_ids.data(), &ids};
  const Rows rows = view.rows(first, last);
  std::set<std::pair<int64_t, int64_t>> pairs;
  std::vector<bool> visited(static_cast<size_t>(given.keys));
  for (Keys run = view.next(rows, 0); run.begin < given.keys; run = view.next(rows, run.end)) {
    if (run.begin >= run.end) fail("a run of keys is not empty", first, run.begin);
    for (int64_t j = run.begin; j < std::min(run.end, given.keys); j++) visited[static_cast<size_t>(j)] = true;
  }
  for (int64_t begin = 0; begin < given.keys; begin += kKeyBlock) walk(view, rows, {begin, std::min(begin + kKeyBlock, given.keys)}, &pairs);
  for (int64_t i = first; i <= last; i++)
    for (int64_t j = 0; j < given.keys; j++) {
      const bool wanted = allowed(words, given, i, j)[number];
      if (wanted && !visited[static_cast<size_t>(j)]) fail("a key that a row attends to is visited", i, j);
      if (wanted != (pairs.count({i, j}) > 0)) fail("the pieces are what the mask allows", i, j);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  Given given;
  const int heads = 1 + input.below(3);
  given.queries = input.below(24);
  given.keys = input.below(2) ? input.below(24) : kKeyBlock + input.below(24);
  given.length = input.below(static_cast<int>(given.keys) + 1);
  std::mt19937 random(static_cast<unsigned>(input.byte()));
  for (int64_t i = 0; i < given.queries; i++) given.q_ids.push_back(static_cast<int32_t>(random() % 3));
  for (int64_t j = 0; j < given.keys; j++) given.kv_ids.push_back(static_cast<int32_t>(random() % 3));
  const int first = input.byte(), more = input.byte();
  const std::vector<int64_t> words = input.words(), head_planes = input.words();
  try {
    const Mask mask = read_mask({words.data(), words.size()}, {head_planes.data(), head_planes.size()}, heads, given.queries, given.keys);
    for (int64_t head = 0; head < heads; head++)
      if (mask.plane_number(head) >= mask.planes.size()) fail("a head has a plane", head, 0);
    if (given.queries == 0 || given.keys == 0) return 0;
    const int64_t from = first % given.queries, to = from + more % (given.queries - from);
    for (size_t n = 0; n < mask.planes.size(); n++) check(words, mask.planes[n], n, given, from, to);
  } catch (const std::invalid_argument&) {
    // The rule that the words break.
  }
  return 0;
}
