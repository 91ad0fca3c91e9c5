// Takes an expression of ECMAScript, which std::regex has accepted, apart at each |.
#include "harness/bench/alternatives.h"

#include <algorithm>
#include <utility>

namespace normbench {
namespace {

constexpr std::size_t kMost = 64;

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  // Up to the end, or to the bracket that closes the group it begins in.
  std::vector<std::string> disjunction() {
    std::vector<std::string> all;
    std::vector<std::string> some = {""};
    for (; at_ < text_.size() && text_[at_] != ')' && all.size() + some.size() <= kMost; ++at_) {
      const char letter = text_[at_];
      if (letter == '|') {
        all.insert(all.end(), some.begin(), some.end());
        some = {""};
      } else if (letter == '(') {
        some = each_with(some, group());
      } else {
        some = each_with(some, {letter == '['    ? set()
                                : letter == '\\' ? escape()
                                                 : text_.substr(at_, 1)});
      }
    }
    all.insert(all.end(), some.begin(), some.end());
    return all;
  }

 private:
  static std::vector<std::string> each_with(const std::vector<std::string>& begins,
                                            const std::vector<std::string>& ends) {
    std::vector<std::string> all;
    for (const std::string& begin : begins) {
      for (const std::string& end : ends) all.push_back(begin + end);
    }
    return all;
  }

  // Each leaves at_ at the last letter of what it returns.
  std::string escape() { return text_.substr(at_++, 2); }

  std::string set() {
    const std::size_t begin = at_;
    while (++at_ < text_.size() && text_[at_] != ']') {
      if (text_[at_] == '\\') ++at_;
    }
    return text_.substr(begin, at_ + 1 - begin);
  }

  std::vector<std::string> group() {
    const std::size_t begin = at_++;
    const std::string kind = text_.substr(at_, 2);
    std::vector<std::string> inner = disjunction();
    // What must not follow is no choice.
    if (kind == "?!" || kind == "?=") return {text_.substr(begin, at_ + 1 - begin)};
    for (std::string& each : inner) each = "(" + std::move(each) + ")";
    return inner;
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string> alternatives(const std::string& expression) {
  std::vector<std::string> all = Parser(expression).disjunction();
  if (all.size() > kMost) return {expression};
  return all;
}

}  // namespace normbench
