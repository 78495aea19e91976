// Seeded damage to a text or a binary file, for parsers that must never crash.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

class Damage
{
 public:
  explicit Damage(std::uint64_t seed) : state_(seed) {}

  std::uint64_t below(std::uint64_t limit)
  {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % limit;
  }

  // One to three cuts, insertions of `pieces`, changed bytes or truncations.
  std::string operator()(std::string text, const std::vector<std::string> &pieces)
  {
    for (std::uint64_t change = 0, count = 1 + below(3); change < count && !text.empty(); ++change) {
      const std::size_t at = below(text.size());
      switch (below(8)) {
      case 0:
        text.resize(at);
        break;
      case 1:
        text.erase(at, 1 + below(40));
        break;
      case 2:
      case 3:
        text[at] = static_cast<char>(below(256));
        break;
      default:
        text.insert(at, pieces[below(pieces.size())]);
      }
    }
    return text;
  }

 private:
  std::uint64_t state_;
};
