"""People's rights and operators' hands on lists: opt-outs, what we hold on somebody, forgetting, import and export."""
