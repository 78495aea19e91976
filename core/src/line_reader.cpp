#include "line_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace ufp
{
namespace
{

constexpr std::size_t lanes = 64, block = 32 * lanes;

struct Census {
  std::size_t newlines = 0;
  bool colon = false;
};

// Counts in 64 lanes of one byte, so that the compiler may use the vectors of any instruction set.
Census census(const char *text) noexcept
{
  std::array<unsigned char, lanes> newlines{}, colons{};
  for (const char *row = text; row != text + block; row += lanes) {
    for (std::size_t i = 0; i < lanes; ++i) {
      newlines[i] = static_cast<unsigned char>(newlines[i] + (row[i] == '\n'));
      colons[i] = static_cast<unsigned char>(colons[i] | (row[i] == ':'));
    }
  }
  Census found;
  for (const unsigned char n : newlines) found.newlines += n;
  for (const unsigned char n : colons) found.colon |= n != 0;
  return found;
}

}  // namespace

std::string_view trimmed(std::string_view text)
{
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> words(std::string_view text)
{
  std::vector<std::string> found;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    const std::size_t length = std::min(text.find_first_of(" \t"), text.size());
    found.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return found;
}

bool LineReader::next(std::string_view &line)
{
  std::size_t searched = 0;
  for (;;) {
    const char *const begin = buffer_.data() + begin_;
    const std::size_t available = end_ - begin_;
    const void *const newline = std::memchr(begin + searched, '\n', available - searched);
    if (newline != nullptr || (available > 0 && (at_end_ || available >= longest))) {
      terminated_ = newline != nullptr;
      const std::size_t length =
          terminated_ ? static_cast<std::size_t>(static_cast<const char *>(newline) - begin) : available;
      line = std::string_view(begin, length);
      line_ = base_ + begin_;
      begin_ += length + (terminated_ ? 1 : 0);
      return true;
    }
    if (at_end_) return false;
    searched = available;
    refill();
  }
}

std::size_t LineReader::pass(std::size_t most)
{
  if (begin_ < tried_) return 0;
  const char *const start = buffer_.data() + begin_;
  const char *const end = buffer_.data() + end_;
  const char *stop = start;  // behind the last whole line
  std::size_t passed = 0;
  for (const char *p = start; static_cast<std::size_t>(end - p) >= block; p += block) {
    const Census found = census(p);
    if (found.colon || passed + found.newlines > most) {
      tried_ = static_cast<std::size_t>(p - buffer_.data()) + block;
      break;
    }
    passed += found.newlines;
    if (found.newlines > 0) stop = p + block;
  }
  if (passed == 0) return 0;
  while (stop[-1] != '\n') --stop;
  begin_ += static_cast<std::size_t>(stop - start);
  terminated_ = true;
  return passed;
}

void LineReader::refill()
{
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  base_ += begin_;
  tried_ -= std::min(tried_, begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
  const std::size_t wanted = buffer_.size() - end_;
  const std::size_t got = source_.read(base_ + end_, buffer_.data() + end_, wanted);
  end_ += got;
  at_end_ = got < wanted;
}

}  // namespace ufp
