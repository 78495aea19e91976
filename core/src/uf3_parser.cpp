// Reader of .uf3 text. Vectors may wrap and blank lines may stand anywhere; every refusal names its line.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <locale>
#include <sstream>

#include "uf3_checks.hpp"
#include "ufp/bspline.hpp"
#include "ufp/error.hpp"
#include "ufp/uf3_potential.hpp"

namespace ufp
{
namespace
{

using Index = std::size_t;

constexpr Index largest_count = 1000000;  // of knots along an axis: anything above is a damaged file

struct Line {
  long number;
  std::vector<std::string> words;
};

bool starts_with(const std::string &text, const char *prefix)
{
  return text.rfind(prefix, 0) == 0;
}

bool is_integer(const std::string &word)
{
  return !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c); });
}

std::string joined(const std::vector<std::string> &words, Index from = 0)
{
  std::string out;
  for (Index i = from; i < words.size(); ++i) out += (i > from ? " " : "") + words[i];
  return out;
}

// At most 60 printable characters of a line, for messages.
std::string quoted(const std::string &text)
{
  std::string shown;
  for (const char c : text.substr(0, 60)) shown += std::isprint(static_cast<unsigned char>(c)) ? c : '?';
  return "'" + shown + (text.size() > 60 ? "...'" : "'");
}

class Parser
{
 public:
  Parser(const std::string &text, std::string filename, const std::vector<std::string> &elements)
      : filename_(std::move(filename)), elements_(elements)
  {
    number_.imbue(std::locale::classic());
    std::istringstream in(text);
    long n = 0;
    for (std::string raw; std::getline(in, raw);) {
      ++n;
      std::istringstream words(raw);
      Line line{n, {}};
      for (std::string word; words >> word;) line.words.push_back(word);
      if (!line.words.empty()) lines_.push_back(std::move(line));
    }
    end_ = n > 0 ? n : 1;
  }

  Uf3Potential parse()
  {
    bool header = false;
    while (next_ < lines_.size()) {
      const Line &line = lines_[next_];
      const std::string &word = line.words[0];
      const std::string text = joined(line.words);
      if (starts_with(text, "#UF3 POT")) {
        read_header(line);
        header = true;
        ++next_;
        expect_type_line();
      } else if (word[0] == '#') {
        if (starts_with(text, "#UFP")) read_record(line, text);
        ++next_;
      } else if ((word == "2B" || word == "3B") && is_single(line)) {
        if (elements_.empty())
          fail(line.number, "expected '" + word + (word == "2B" ? " El1 El2" : " Centre J K") +
                                " LEAD TRAIL nk|uk', found the line of a one-interaction file " + quoted(text) +
                                ": convert it with `ufp convert`, which takes the elements");
        read_block(line);
      } else if (header && after_header_) {
        read_block(line);
      } else if (!header && !elements_.empty()) {
        fail(line.number, "expected '2B LEAD TRAIL [nk|uk]' or '3B LEAD TRAIL [nk|uk]', found " + quoted(text));
      } else if (header || word == "2B" || word == "3B") {
        fail(line.number, "expected a line '#UF3 POT UNITS: metal ...' or a comment, found " + quoted(text));
      } else {
        ++next_;  // a remark before the first block
      }
    }
    const bool empty = out_.pairs.empty() && out_.triplets.empty();
    if (empty && !lines_.empty() && lines_[0].words[0][0] == '{')
      fail(lines_[0].number, "expected a line '#UF3 POT UNITS: metal ...', found a JSON model: convert it with `ufp "
                             "convert MODEL.json -o NAME.uf3`");
    if (empty) fail(end_, "expected a line '#UF3 POT UNITS: metal ...' and a block 2B or 3B, found end of file");
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(long line, const std::string &message) const { throw ParseError(filename_, line, message); }

  void expect_type_line()
  {
    after_header_ = true;
    if (next_ == lines_.size()) fail(end_, "expected a line 2B or 3B, found end of file");
    const Line &line = lines_[next_];
    if (line.words[0] != "2B" && line.words[0] != "3B")
      fail(line.number, "expected '2B El1 El2 LEAD TRAIL nk|uk' or '3B Centre J K LEAD TRAIL nk|uk', found " +
                            quoted(joined(line.words)));
  }

  void read_header(const Line &line)
  {
    const auto &w = line.words;
    const auto value = [&](const std::string &key, const std::string &until) {
      const auto from = std::find(w.begin(), w.end(), key);
      if (from == w.end()) return std::string();
      const auto to = until.empty() ? w.end() : std::find(from, w.end(), until);
      return joined(std::vector<std::string>(from + 1, to));
    };
    const auto units = std::find(w.begin(), w.end(), "UNITS:");
    if (units == w.end()) {
      // a one-interaction file may lack them; its type line is refused next, with what to do
      const bool single = next_ + 1 < lines_.size() && is_single(lines_[next_ + 1]);
      if (elements_.empty() && !single) fail(line.number, "expected 'UNITS: metal', found no UNITS");
    } else if (units + 1 == w.end() || *(units + 1) != "metal") {
      fail(line.number, "expected 'UNITS: metal', found 'UNITS: " + (units + 1 == w.end() ? "" : *(units + 1)) + "'");
    }
    if (!out_.pairs.empty() || !out_.triplets.empty()) return;
    for (const auto &[field, text] :
         {std::pair{&out_.date, value("DATE:", "AUTHOR:")}, std::pair{&out_.author, value("AUTHOR:", "CITATION:")},
          std::pair{&out_.citation, value("CITATION:", "")}})
      if (!text.empty()) *field = text;
  }

  void read_record(const Line &line, const std::string &text)
  {
    const auto &w = line.words;
    if (w.size() < 2 || w[1] != "ONEBODY") {
      out_.records.push_back(text);
      return;
    }
    if (w.size() != 4) fail(line.number, "expected '#UFP ONEBODY El ENERGY', found " + quoted(text));
    for (const auto &entry : out_.onebody)
      if (entry.first == w[2]) fail(line.number, "expected one energy of " + w[2] + ", found a second");
    out_.onebody.emplace_back(w[2], number(w[3], line.number));
  }

  // "2B 0 3 nk" instead of "2B Li S 0 3 nk"
  static bool is_single(const Line &line)
  {
    return line.words.size() > 1 && (is_integer(line.words[1]) || line.words[1][0] == '{');
  }

  double number(const std::string &word, long line)
  {
    number_.clear();
    number_.str(word);
    double value = 0;
    if (!(number_ >> value) || !std::isfinite(value) || number_.peek() != std::istringstream::traits_type::eof())
      fail(line, "expected a finite number, found " + quoted(word));
    return value;
  }

  Index count(double value, long line, const char *what)
  {
    if (value < 0 || value != std::floor(value) || value > static_cast<double>(largest_count))
      fail(line, std::string("expected the number of ") + what + ", found " + shortest(value));
    return static_cast<Index>(value);
  }

  // `expected` numbers from whole lines. A line that cannot belong to the vector ends it: a comment, a lone integer
  // `stop` followed by another line than itself, or, for knots, a first number below the last one.
  std::vector<double> numbers(Index expected, const char *what, bool increasing = false, Index stop = 0)
  {
    std::vector<double> out;
    first_line_ = last_line_ = next_ < lines_.size() ? lines_[next_].number : end_;
    while (out.size() < expected) {
      const bool end = next_ == lines_.size();
      const bool comment = !end && lines_[next_].words[0][0] == '#';
      if (out.empty() && (end || comment))
        fail(end ? end_ : lines_[next_].number, "expected " + std::to_string(expected) + " " + what + ", found " +
                                                    (end ? "end of file" : quoted(joined(lines_[next_].words))));
      if (end || comment || (!out.empty() && foreign(out.back(), increasing, stop)))
        fail(last_line_, "expected " + std::to_string(expected) + " " + what + ", found " + std::to_string(out.size()));
      const Line &line = lines_[next_++];
      for (const std::string &word : line.words) out.push_back(number(word, line.number));
      if (out.size() > expected)
        fail(first_line_, "expected " + std::to_string(expected) + " " + what + ", found " +
                              std::to_string(line.number == first_line_ ? out.size() : out.size() - line.words.size()));
      last_line_ = line.number;
    }
    return out;
  }

  bool foreign(double last, bool increasing, Index stop) const
  {
    const auto &w = lines_[next_].words;
    if (stop > 0 && w.size() == 1 && w[0] == std::to_string(stop)) {
      const bool again = next_ + 1 < lines_.size() && lines_[next_ + 1].words == w;
      return !again;
    }
    std::istringstream in(w[0]);
    in.imbue(std::locale::classic());
    double value = 0;
    return increasing && (in >> value) && value < last;
  }

  std::vector<double> knots(Index expected, KnotKind kind, bool detect, double cutoff, long cutoff_line, Index stop)
  {
    if (expected < 8) fail(cutoff_line, "expected at least 8 knots, found " + std::to_string(expected));
    const std::vector<double> out = numbers(expected, "knots", true, stop);
    check(knots_problem(out), last_line_);
    if (!detect) check(kind_problem(kind, out), last_line_);
    check(cutoff_problem(cutoff, out), cutoff_line);
    return out;
  }

  void check(const std::string &problem, long line) const
  {
    if (!problem.empty()) fail(line, problem);
  }

  struct TypeLine {
    std::vector<std::string> elements;
    int lead = 0, trail = 3;
    KnotKind kind = KnotKind::nonuniform;
    bool detect = false;  // the kind is not given
  };

  // A number, or a Python dict such as "{2: 0, 3: 3}", whose entry for this block counts; advances `i`.
  int trim(const Line &line, Index &i, char degree, const std::string &expected)
  {
    const auto &w = line.words;
    const auto wrong = [&] { fail(line.number, "expected " + quoted(expected) + ", found " + quoted(joined(w))); };
    if (i >= w.size()) wrong();
    std::string text = w[i++];
    if (text[0] == '{') {
      while (text.back() != '}' && i < w.size()) text += w[i++];
      text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '\'' || c == '"'; }), text.end());
      const auto key = text.find(std::string(1, degree) + ":");
      if (text.back() != '}' || key == std::string::npos || !(text[key - 1] == '{' || text[key - 1] == ',')) wrong();
      text = text.substr(key + 2, text.find_first_of(",}", key) - key - 2);
    }
    if (!is_integer(text) || text.size() > 6) wrong();
    return std::stoi(text);
  }

  TypeLine type_line(const Line &line)
  {
    const auto &w = line.words;
    const bool pair = w[0] == "2B", single = is_single(line);
    const Index n = pair ? 2 : 3;
    const std::string expected = w[0] +
                                 (single ? ""
                                  : pair ? " El1 El2"
                                         : " Centre J K") +
                                 " LEAD TRAIL" + (single ? " [nk|uk]" : " nk|uk");
    TypeLine out;
    Index i = 1;
    if (single) {
      if (elements_.size() != n)
        fail(line.number, "expected " + std::to_string(n) + " elements for this " + w[0] + " interaction, found " +
                              std::to_string(elements_.size()) + " given");
      out.elements = elements_;
    } else {
      for (; i <= n && i < w.size() && !is_integer(w[i]) && w[i][0] != '{'; ++i) out.elements.push_back(w[i]);
      if (out.elements.size() != n) fail(line.number, "expected " + quoted(expected) + ", found " + quoted(joined(w)));
    }
    out.lead = trim(line, i, w[0][0], expected);
    out.trail = trim(line, i, w[0][0], expected);
    if (i == w.size()) {
      out.detect = true;
    } else if (i + 1 == w.size() && (w[i] == "nk" || w[i] == "uk")) {
      out.kind = w[i] == "uk" ? KnotKind::uniform : KnotKind::nonuniform;
    } else {
      fail(line.number, "expected " + quoted(expected) + ", found " + quoted(joined(w)));
    }
    return out;
  }

  void read_block(const Line &line)
  {
    const TypeLine type = type_line(line);
    after_header_ = false;
    ++next_;
    if (line.words[0] == "2B")
      read_pair(type, line.number);
    else
      read_triplet(type, line.number);
  }

  void read_pair(const TypeLine &type, long line)
  {
    Uf3PairBlock block;
    block.elements = {type.elements[0], type.elements[1]};
    block.lead = type.lead;
    block.trail = type.trail;
    if (out_.find_pair(block.elements[0], block.elements[1]))
      fail(line, "expected one block " + name_of(block) + ", found a second");
    const std::vector<double> head = numbers(2, "numbers (cutoff and number of knots)");
    const long head_line = last_line_;
    const Index n = count(head[1], head_line, "knots");
    block.cutoff = head[0];
    block.knots = knots(n, type.kind, type.detect, block.cutoff, head_line, n - 4);
    block.kind = type.detect && equidistant(block.knots) ? KnotKind::uniform : type.kind;
    const Index m = count(numbers(1, "number of coefficients")[0], first_line_, "coefficients");
    if (m != n - 4)
      fail(first_line_, "expected " + std::to_string(n - 4) + " coefficients (knots - 4), found " + std::to_string(m));
    block.coefficients = numbers(m, "coefficients");
    out_.pairs.push_back(std::move(block));
  }

  void read_triplet(const TypeLine &type, long line)
  {
    Uf3TripletBlock block;
    block.elements = {type.elements[0], type.elements[1], type.elements[2]};
    block.lead = type.lead;
    block.trail = type.trail;
    if (out_.find_triplet(block.elements[0], block.elements[1], block.elements[2]))
      fail(line, "expected one block " + name_of(block) + ", found a second");
    const std::vector<double> head = numbers(6, "numbers (cutoffs and numbers of knots jk, ik, ij)");
    const long head_line = last_line_;
    bool uniform = true;
    for (const Index file : {0u, 1u, 2u}) {  // the file lists jk, ik, ij
      const Index axis = 2 - file;
      const Index n = count(head[3 + file], head_line, "knots");
      block.cutoff[axis] = head[file];
      block.knots[axis] = knots(n, type.kind, type.detect, head[file], head_line, 0);
      uniform = uniform && equidistant(block.knots[axis]);
    }
    block.kind = type.detect && uniform ? KnotKind::uniform : type.kind;
    const std::vector<double> shape = numbers(3, "numbers of coefficients ij, ik, jk");
    const auto expected = block.shape();
    for (Index a = 0; a < 3; ++a)
      if (count(shape[a], first_line_, "coefficients") != static_cast<Index>(expected[a]))
        fail(first_line_, "expected " + std::to_string(expected[0]) + " " + std::to_string(expected[1]) + " " +
                              std::to_string(expected[2]) + " coefficients (knots - 4), found " + shortest(shape[0]) +
                              " " + shortest(shape[1]) + " " + shortest(shape[2]));
    for (int row = 0; row < expected[0] * expected[1]; ++row) {
      const std::vector<double> c = numbers(static_cast<Index>(expected[2]), "coefficients");
      block.coefficients.insert(block.coefficients.end(), c.begin(), c.end());
    }
    check(symmetrise(block), last_line_);
    out_.triplets.push_back(std::move(block));
  }

  std::string filename_;
  std::vector<std::string> elements_;
  std::vector<Line> lines_;
  Index next_ = 0;
  long end_ = 1, first_line_ = 1, last_line_ = 1;
  bool after_header_ = false;
  std::istringstream number_;
  Uf3Potential out_;
};

}  // namespace

Uf3Potential parse_uf3(const std::string &text, const std::string &filename, const std::vector<std::string> &elements)
{
  return Parser(text, filename, elements).parse();
}

}  // namespace ufp
