def right(doc, results):
    return {"acc": float(results[0].strip() == doc["answer"])}
