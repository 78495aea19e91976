// A small fuzzer for compilers without libFuzzer: mutates the inputs of a corpus, keeps those that reach new code
// (-fsanitize-coverage=trace-pc), and stops after a time. With libFuzzer the targets link against that instead.
//
//   DRIVER SECONDS SEED CORPUS_FOLDER...       a crash leaves the input in crash-input
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

extern "C" void __sanitizer_set_death_callback(void (*callback)());
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace
{

using Input = std::vector<std::uint8_t>;

constexpr std::size_t longest = std::size_t{1} << 14;
constexpr unsigned seconds_per_input = 10;

std::array<bool, 1 << 16> reached;
std::size_t n_reached = 0;

Input read_file(const std::filesystem::path &path)
{
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

class Mutator
{
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  Input operator()(const std::vector<Input> &corpus)
  {
    Input input = corpus[below(corpus.size())];
    for (std::size_t n = 1 + below(4); n > 0; --n) change(input, corpus[below(corpus.size())]);
    if (input.size() > longest) input.resize(longest);
    return input;
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  auto at(Input &input, std::size_t place) { return input.begin() + static_cast<std::ptrdiff_t>(place); }

  void change(Input &input, const Input &other)
  {
    static const std::vector<std::string> words = {
        "\n",  " ",   "-1",  "0",   "1e999", "nan",  "-inf", "9223372036854775807", "18446744073709551616",   "1e-320",
        "0.1", "3",   "#",   ":",   "\r",    "xu",   "id",   "ITEM: TIMESTEP\n",    "ITEM: ATOMS id x y z\n", "pp",
        "2B ", "3B ", " uk", " nk", "\0",    "{2:1}"};
    const std::size_t place = below(input.size() + 1);
    const std::size_t left = input.size() - place, length = 1 + below(1 + std::min<std::size_t>(left, 64));
    switch (below(7)) {
    case 0:  // one bit
      if (left > 0) input[place] = static_cast<std::uint8_t>(input[place] ^ (1U << below(8)));
      break;
    case 1:  // one byte
      if (left > 0) input[place] = static_cast<std::uint8_t>(below(256));
      break;
    case 2:  // a stretch removed
      input.erase(at(input, place), at(input, place + std::min(length, left)));
      break;
    case 3: {  // a stretch repeated
      const Input stretch(at(input, place), at(input, place + std::min(length, left)));
      input.insert(at(input, below(input.size() + 1)), stretch.begin(), stretch.end());
      break;
    }
    case 4: {  // a word put in
      const std::string &word = words[below(words.size())];
      input.insert(at(input, place), word.begin(), word.end());
      break;
    }
    case 5:  // the rest of another input
      input.resize(place);
      if (!other.empty()) {
        const auto from = other.begin() + static_cast<std::ptrdiff_t>(below(other.size()));
        input.insert(input.end(), from, other.end());
      }
      break;
    default:  // cut
      input.resize(place);
    }
  }

  std::mt19937_64 random_;
};

const Input *running = nullptr;

// The process is about to end: the input that did it stays.
void save_input()
{
  if (running == nullptr) return;
  const int file = ::open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  if (::write(file, running->data(), running->size()) >= 0) ::close(file);
}

void on_signal(int number)
{
  save_input();
  ::_exit(128 + number);
}

void run(const Input &input)
{
  running = &input;
  alarm(seconds_per_input);  // a hang ends the process
  LLVMFuzzerTestOneInput(input.data(), input.size());
  alarm(0);
  running = nullptr;
}

}  // namespace

extern "C" void __sanitizer_cov_trace_pc()
{
  const auto place = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  bool &known = reached[(place ^ (place >> 16)) & 0xffff];
  n_reached += !known;
  known = true;
}

int main(int argc, char **argv)
{
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s SECONDS SEED CORPUS_FOLDER...\n", argv[0]);
    return 2;
  }
  __sanitizer_set_death_callback(save_input);
  std::signal(SIGABRT, on_signal);
  std::signal(SIGALRM, on_signal);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[1]));
  std::vector<std::filesystem::path> files;
  for (int i = 3; i < argc; ++i) {
    for (const auto &entry : std::filesystem::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Input> corpus;
  for (const auto &file : files) {
    corpus.push_back(read_file(file));
    run(corpus.back());
  }
  if (corpus.empty()) return 2;
  const std::size_t n_start = corpus.size(), reached_start = n_reached;
  Mutator mutate(static_cast<unsigned>(std::atoi(argv[2])));
  std::size_t n_runs = 0;
  for (; std::chrono::steady_clock::now() < end; ++n_runs) {
    const Input input = mutate(corpus);
    const std::size_t before = n_reached;
    run(input);
    if (n_reached > before) corpus.push_back(input);
  }
  std::printf("%zu inputs from %zu in the corpus, %zu kept for new code; places reached: %zu, then %zu\n", n_runs,
              n_start, corpus.size() - n_start, reached_start, n_reached);
}
