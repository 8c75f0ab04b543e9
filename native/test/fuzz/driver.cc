// Runs a fuzz target where there is no libFuzzer: on every file of a corpus, and then on random changes of them.
//   TARGET RUNS SEED CORPUS_FOLDER
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

std::vector<Bytes> read(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Bytes> corpus;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return corpus;
}

void change(Bytes* bytes, std::mt19937* random) {
  const auto place = [&] { return static_cast<ptrdiff_t>((*random)() % (bytes->size() + 1)); };
  const auto byte = [&] { return static_cast<uint8_t>((*random)() % 2 ? (*random)() : (*random)() % 8 - 2); };
  switch (bytes->empty() ? 0 : (*random)() % 4) {
    case 0:
      bytes->insert(bytes->begin() + place(), byte());
      break;
    case 1:
      bytes->erase(bytes->begin() + static_cast<ptrdiff_t>((*random)() % bytes->size()));
      break;
    case 2:
      bytes->resize(static_cast<size_t>(place()));
      break;
    default:
      (*bytes)[(*random)() % bytes->size()] = byte();
  }
}

// Where a run fails, what it ran on stays behind.
Bytes current;

void keep() {
  if (std::FILE* file = std::fopen("crash-input", "wb")) {
    std::fwrite(current.data(), 1, current.size(), file);
    std::fclose(file);
  }
}

void run(const Bytes& bytes) {
  current = bytes;
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

}  // namespace

extern "C" void __sanitizer_set_death_callback(void (*callback)());
extern "C" const char* __asan_default_options() { return "handle_abort=1"; }

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: %s RUNS SEED CORPUS_FOLDER\n", argv[0]), 2;
  __sanitizer_set_death_callback(keep);
  const long runs = std::atol(argv[1]);
  std::mt19937 random(static_cast<unsigned>(std::atol(argv[2])));
  const std::vector<Bytes> corpus = read(argv[3]);
  for (const Bytes& bytes : corpus) run(bytes);
  for (long n = 0; n < runs; n++) {
    Bytes bytes = corpus.empty() ? Bytes() : corpus[random() % corpus.size()];
    for (unsigned changes = 1 + random() % 4; changes > 0; changes--) change(&bytes, &random);
    run(bytes);
  }
  std::printf("%zu files and %ld runs\n", corpus.size(), runs);
}
